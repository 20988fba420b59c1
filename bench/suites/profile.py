"""Which profile `auto` means on this machine, and a suite as people name it -> a resolved config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.core.progress import Progress
from bench.suites.resolve import SUITE_FILE, SuiteFile, Table, load_lock, load_suite, resolve


def resolve_suite(
    suite: str | Path,
    *,
    profile: str = "auto",
    method: str | None = None,
    overrides: Sequence[str] = (),
    metrics: Mapping[str, Table] | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> SuiteConfig:
    """Return the resolved config of a suite, choosing the profile where it is `auto`.

    Args:
        suite: a suite folder or its `suite.toml`, the name of a built-in suite, or a `config.lock.toml` that a run
            stored.
        profile: `documented`, `offline`, `tiny`, or `auto`, which chooses and says why.
        method: name under `[methods]`, of the library or of an installed package, or `path/file.py:Name`; default: the
            profile's own.
        overrides: `key.path=value` each, as after `--set`.
        metrics: name -> table of metrics to score besides the suite's own.
        offline: count on the cache alone when choosing.
        progress: told which profile was chosen, and why.

    Raises:
        InputError: the suite, a key or a value is wrong, or a stored configuration was to be changed.
    """
    path = Path(suite)
    if path.is_file() and path.name != SUITE_FILE:
        if profile != "auto" or method or overrides or metrics:
            raise InputError(
                f"{suite}: a stored configuration is complete; leave out --profile, --method, --metric and --set"
            )
        return load_lock(path)
    file = load_suite(suite_folder(suite))
    if profile == "auto":
        profile, why = choose_profile(file, offline=offline)
        if progress is not None:
            progress.say(f"profile {profile}: {why}")
    return resolve(file, profile=profile, method=method, overrides=overrides, metrics=metrics)


def suite_folder(suite: str | Path) -> Path:
    """Return the folder or name of a suite that was given by it, or by its `suite.toml`."""
    path = Path(suite)
    return path.parent if path.name == SUITE_FILE else path


def choose_profile(file: SuiteFile, *, offline: bool = False) -> tuple[str, str]:
    """Return the profile that `auto` means on this machine, and why.

    `documented` needs a CUDA device, and its files cached or their hub reachable; everything else takes `offline`.
    """
    from bench.materials.sources import is_cached, is_hub_reachable

    if "documented" not in file.profiles:
        return file.profiles[0], "the suite has no documented profile"
    import torch

    if not torch.cuda.is_available():
        return "offline", "there is no CUDA device, which the documented profile is made for"
    config = resolve(file, profile="documented")
    wanted = [source for used_for, source in config.sources() if not used_for.startswith("metric ")]
    if all(is_cached(source) for source in wanted):
        return "documented", "there is a CUDA device, and weights and data are cached"
    if not offline and is_hub_reachable():
        return "documented", "there is a CUDA device, and the model hub can be reached"
    return (
        "offline",
        "there is a CUDA device, but the documented weights are not cached and no model hub can be reached",
    )
