"""`bench fetch`: bring everything in before a run."""

from __future__ import annotations

from bench.cli.options import Method, Profile, Set, Suite
from bench.cli.progress import ConsoleProgress
from bench.core.wording import plural
from bench.suites.profile import resolve_suite


def fetch(suite: Suite, profile: Profile = "auto", method: Method = None, set_: Set = None) -> None:
    """Bring in the weights and data of a suite, so that `bench run --offline` finds everything."""
    progress = ConsoleProgress()
    config = resolve_suite(suite, profile=profile, method=method, overrides=set_ or (), progress=progress)
    from bench.materials import fetch as materials

    with progress.stage("fetching", None):
        fetched = materials.fetch(config, announce=progress.say)
    for split, summary in fetched.splits.summary.splits.items():
        groups = "" if summary.n_groups is None else f" in {plural(summary.n_groups, 'group')}"
        progress.say(f"{split}: {summary.n_examples} rows{groups} of {summary.source}")
    progress.say(f"model: {fetched.base.identity}")
