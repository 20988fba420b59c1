"""Seeds one at a time, until the gate decides or the stated maximum is reached."""

from __future__ import annotations

from pathlib import Path

from bench.comparing.gate import Verdict, find_policy, gate, load_policy
from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.records.store import ResultName, Store, run_folder
from bench.running.runs import SeedResult, run_each
from bench.running.settings import RunSettings


def run_until_decided(
    config: SuiteConfig, settings: RunSettings, *, max_seeds: int | None = None, policy: Path | None = None
) -> tuple[list[SeedResult], Verdict]:
    """Run the seeds of the baseline in their order, with a look after each, until one decides.

    Args:
        config: the resolved suite.
        settings: where and how; stored seeds are read.
        max_seeds: most seeds that will ever be looked at; default: the policy's.
        policy: the policy file; default: `policy.toml` in the folder of baselines.

    Returns:
        What ran, and the verdict of the last look, which says how it was stopped.

    Raises:
        InputError: no maximum is stated, the policy does not hold this suite and profile to anything, or there is no
            baseline to hold it to.
        RunError: a run failed.
    """
    store = Store(runs_root=settings.runs_root)
    path = policy or find_policy(store.roots)
    held_to = load_policy(path)
    if config.suite not in held_to.suites or config.profile != held_to.profile:
        raise InputError(
            f"{path}: the policy holds no suite {config.suite!r} of profile {config.profile} to anything, so nothing "
            "decides; add it, or run the seeds that you want with --seeds"
        )
    name = ResultName(config.suite, config.profile, held_to.suites[config.suite].method or config.method_name)
    baseline = store.baseline_of(name)
    if baseline is None:
        raise InputError(f"no baseline {name} is stored, so nothing decides; make one with `bench baseline promote`")
    most = max_seeds if max_seeds is not None else held_to.max_seeds
    if most is None:
        raise InputError("--until-decided needs a stated maximum: give --max-seeds N, or max_seeds in the policy")
    seeds = [record.seed for record in baseline.records][:most]
    results: list[SeedResult] = []
    while True:
        n_next = max(len(results) + 1, min(held_to.min_seeds, len(seeds)))
        results += run_each(config, seeds[len(results) : n_next], settings)
        verdict = gate(
            [run_folder(settings.runs_root, config, 0).parent],
            policy=path,
            runs_root=settings.runs_root,
            sequential=True,
            max_seeds=most,
        )
        # Anything but doubt is the end of it: no seed more makes a stale run fresh.
        if verdict.outcome != "inconclusive" or len(results) == len(seeds):
            return results, verdict
