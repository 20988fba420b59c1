"""The config that a suite has now, and in what a stored one differs: runs of another are no runs of the suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bench.config import PluginMethod, SuiteConfig
from bench.core.dotted import ABSENT, differences
from bench.suites.resolve import load_suite, resolve

MOST_SHOWN: Final = 6
"""Settings of two configs that a message lists."""
_NOT_IN_KEY: Final = {"title", "chosen"}


def suite_config(suite: str, profile: str, method: str, like: SuiteConfig | None = None) -> SuiteConfig:
    """Return the config that a suite has now.

    Args:
        suite: its name.
        profile: one of its profiles.
        method: name of a method.
        like: a stored config of that method; tells where a user's own is.

    Raises:
        InputError: the suite cannot be read, or has no such method.
    """
    file = load_suite(f"suites/{suite}")
    if like is not None and isinstance(like.method, PluginMethod) and method not in file.methods(profile):
        method = like.method.use
    return resolve(file, profile=profile, method=method)


def changed_settings(before: SuiteConfig, after: SuiteConfig) -> dict[str, tuple[Any, Any]]:
    """Return dotted path -> both values of every setting in which two configs differ; `ABSENT` where one lacks it."""
    left, right = (config.model_dump(mode="json", exclude=_NOT_IN_KEY, exclude_none=True) for config in (before, after))
    return differences(left, right)


def listed(changed: dict[str, tuple[Any, Any]]) -> str:
    """Return changed settings as one line: `training.learning_rate 0.001 -> 1e-05, ...`."""
    lines = [f"{path} {shown_value(old)} -> {shown_value(new)}" for path, (old, new) in changed.items()]
    more = [f"and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
    return ", ".join([*lines[:MOST_SHOWN], *more])


def shown_value(value: Any) -> str:
    """Return a setting as text, short enough for a line."""
    text = "unset" if value is ABSENT else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def run_command(config: SuiteConfig, seeds: Sequence[int], *, runs_root: str = "runs", force: bool = False) -> str:
    """Return the command that runs a suite as it stands.

    Args:
        config: of the suite.
        seeds: run seeds, in order.
        runs_root: where the runs are to be stored.
        force: replace what is stored there.
    """
    method = config.method.use if isinstance(config.method, PluginMethod) else config.method_name
    words = [f"bench run suites/{config.suite} --profile {config.profile} --method {method} --seeds {_span(seeds)}"]
    words += [] if runs_root == "runs" else [f"--runs {runs_root}"]
    return " ".join([*words, *(["--force"] if force else [])])


def _span(seeds: Sequence[int]) -> str:
    first, last = seeds[0], seeds[-1]
    in_a_row = len(seeds) > 1 and list(seeds) == list(range(first, last + 1))
    return f"{first}-{last}" if in_a_row else ",".join(map(str, seeds))
