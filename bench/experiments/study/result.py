"""What a study found: trials, final runs and comparisons, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from bench.comparing.compare import Comparison, MetricComparison, Standing
from bench.comparing.side import Side
from bench.config import SuiteConfig
from bench.experiments.study.ledger import Failure, Rate
from bench.experiments.study.search import TrialSettings
from bench.experiments.study.setup import Study
from bench.records.record import RunRecord
from bench.statistics.best_of_k import best_of_k

ALPHA = 0.05
"""A corrected p below it tells two sides apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCost:
    """Time that runs took, whether they ended well or not."""

    wall_time_s: float = 0.0
    cpu_time_s: float | None = 0.0
    """Processor time; none where a run did not measure it."""

    def __add__(self, other: TrialCost) -> TrialCost:
        """Return both together."""
        known = None not in (self.cpu_time_s, other.cpu_time_s)
        return TrialCost(
            wall_time_s=self.wall_time_s + other.wall_time_s,
            cpu_time_s=(self.cpu_time_s or 0.0) + (other.cpu_time_s or 0.0) if known else None,
        )


def spent(runs: Iterable[RunRecord | Failure | Rate]) -> TrialCost:
    """Return the time that runs, failures and measurements took together."""
    costs = [run.cost if isinstance(run, RunRecord) else run for run in runs]
    return sum((TrialCost(wall_time_s=c.wall_time_s, cpu_time_s=c.cpu_time_s) for c in costs), TrialCost())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting of one method, scored on the validation rows."""

    number: int
    """From 0, which is the default."""
    settings: TrialSettings
    """Searched key -> value; empty for the default."""
    config: SuiteConfig | None
    """What ran; none where not even its budget could be measured."""
    spent: TrialCost
    failure: str | None = None
    """Why it failed."""
    rate: Rate | None = None
    """What turned the budget into steps; none for a budget of steps."""
    scores: Mapping[int, float] = field(default_factory=dict)
    """Trial seed -> score; where the trial failed, of the seeds before that."""
    fingerprint: str | None = None
    """Of the validation rows; none where no seed came to a score."""

    @property
    def value(self) -> float | None:
        """Return the mean score over the trial seeds; none where the trial failed."""
        return None if self.failure is not None else fmean(self.scores.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """One setting of one method, scored on the test rows under every run seed."""

    config: SuiteConfig
    side: Side | None
    """Its stored runs; none where all failed."""
    failures: Mapping[int, str]
    """Run seed -> why it failed."""
    spent: TrialCost


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """What a study found of one method."""

    name: str
    trials: tuple[Trial, ...]
    default: Final | None
    """None where the default failed in its trial."""
    tuned: Final | None
    """The trial that scored best; none where every trial failed. Equal to `default` where nothing beat that."""
    best: Trial | None
    """That trial; among equals the first."""
    searched: bool
    """Whether more than the default was tried."""

    @property
    def n_failed(self) -> int:
        """Return how many trials failed."""
        return sum(trial.failure is not None for trial in self.trials)

    @property
    def is_tuned(self) -> bool:
        """Return whether a choice was made: another trial than the default came to a score."""
        return any(trial.number > 0 and trial.failure is None for trial in self.trials)

    @property
    def finals(self) -> tuple[Final, ...]:
        """Return the final runs, each setting once."""
        both = [final for final in (self.default, self.tuned) if final is not None]
        return tuple({final.config.key: final for final in both}.values())

    @property
    def spent_on_trials(self) -> TrialCost:
        """Return the time that the search took, each measured rate and each setting that came twice counted once."""
        runs = {trial.config.key if trial.config else trial.number: trial for trial in self.trials}
        rates = {rate.model_dump_json(): rate for trial in self.trials if (rate := trial.rate) is not None}
        return sum((trial.spent for trial in runs.values()), spent(rates.values()))

    def curve(self, *, higher_is_better: bool) -> list[float]:
        """Return the expected best validation score of k of the trials, for every k; see `best_of_k`."""
        return best_of_k([trial.value for trial in self.trials], higher_is_better=higher_is_better)


def best_trial(trials: Sequence[Trial], *, higher_is_better: bool) -> Trial | None:
    """Return the trial with the best score, among equals the first; none where all failed."""
    scored = [(trial.value, -trial.number, trial) for trial in trials if trial.value is not None]
    if not scored:
        return None
    sign = 1 if higher_is_better else -1
    return max(scored, key=lambda ranked: (sign * ranked[0], ranked[1]))[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodComparisons:
    """The fair pairs of one method; each is None where a side is missing, or both are one and the same."""

    tuned_and_default: Comparison | None
    """Tuned minus default."""
    defaults: Comparison | None
    """Its default minus the reference's default."""
    tuned: Comparison | None
    """Tuned minus the reference, tuned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """All that a study found."""

    study: Study
    methods: tuple[MethodResult, ...]
    """The reference first."""
    comparisons: Mapping[str, MethodComparisons]
    """Method -> its pairs; p-values corrected over all of them together."""
    allowed: tuple[str, ...]
    """Fields that sides were allowed to differ in, because the budget or the search decides them."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what makes a comparison unfair or unsure, a sentence each."""
        untuned = [method.name for method in self.methods if not method.is_tuned]
        tuned = [method.name for method in self.methods if method.is_tuned]
        sentences = []
        if tuned and untuned:
            sentences.append(
                f"{_and(tuned)} {_be(tuned)} tuned and {_and(untuned)} {_be(untuned)} not: what a tuned method gains "
                "over an untuned one may be the tuning. Read such a difference between the defaults alone, or search "
                "for both"
            )
        elif len(tuned) == 1:
            sentences.append(f"{tuned[0]} is held only against its own default: the study holds no other method")
        elif not tuned:
            sentences.append("no method was tuned: nothing but defaults came to a score")
        seeds = self.study.file.seeds
        if len(seeds) < 3:
            sentences.append(
                f"the final runs are of {len(seeds)} seed(s); fewer than 3 hardly show how far seeds differ"
            )
        return tuple(sentences)

    @property
    def failures(self) -> tuple[str, ...]:
        """Return what is missing in the end: methods without a trial that ended well, and final runs that failed."""
        failures = [
            f"{method.name}: every trial failed; the first: {method.trials[0].failure}"
            for method in self.methods
            if method.best is None
        ]
        for method in self.methods:
            for final in method.finals:
                failures += [f"{method.name}, seed {seed}: {why}" for seed, why in final.failures.items()]
        return tuple(failures)


def row_of(comparison: Comparison | None, metric: str) -> MetricComparison | None:
    """Return the row of a metric; none where it could not be compared."""
    rows = () if comparison is None else comparison.rows
    return next((row for row in rows if row.metric == metric), None)


def word_of(row: MetricComparison) -> Standing:
    """Return what a is beside b: as the interval says, but "not told apart" where p corrected over the report is 5 %.

    A study has many pairs, and one in twenty intervals would tell equal sides apart.
    """
    return "not told apart" if row.p_adjusted is not None and row.p_adjusted >= ALPHA else row.outcome


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _be(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"
