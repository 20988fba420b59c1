"""A study: several methods tuned on the same budget, so that nobody beats an untuned baseline by accident.

    study.toml -> StudyFile -> Study -> trials (validation rows) -> chosen settings -> final runs (test rows) -> report

`config` is the file, `setup` checks it against its suite, `search` proposes settings, `budget` turns tokens or seconds
into steps. `running` runs all: single `runs`, the `trials`, the `finals`, the `comparisons`. `ledger` remembers rates
and failures, `result` is what comes of it, and `plan` says beforehand what would run.
"""

from bench.experiments.study.plan import MethodPlan, plan_study
from bench.experiments.study.result import StudyResult
from bench.experiments.study.running import run_study
from bench.experiments.study.setup import Study, prepare, read_study

__all__ = [
    "MethodPlan",
    "Study",
    "StudyResult",
    "plan_study",
    "prepare",
    "read_study",
    "run_study",
]
