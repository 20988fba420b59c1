"""The verdict of a gate: what is known of each metric and cost, a row for each, and the total.

A regression outranks stale, missing or incomparable evidence, which outranks an inconclusive row, which outranks a
pass. A known regression is never hidden by what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bench.comparing.broken import BrokenRows
from bench.comparing.gate.policy import Policy, Tier
from bench.core.errors import EXIT_INCONCLUSIVE, EXIT_NOT_COMPARABLE, EXIT_PASS, EXIT_REGRESSION
from bench.statistics.differences import MeanDifference

GateOutcome = Literal["pass", "regression", "inconclusive", "stale", "not comparable", "missing", "shown"]
"""`stale`: the runs are of another config or other code than those at hand. `missing`: there is no run, or no baseline.
`shown`: an advisory metric without a limit, or what the policy does not name."""
Kind = Literal["metric", "cost", "suite"]

EXIT_CODES: Final[dict[GateOutcome, int]] = {
    "regression": EXIT_REGRESSION,
    "stale": EXIT_NOT_COMPARABLE,
    "not comparable": EXIT_NOT_COMPARABLE,
    "missing": EXIT_NOT_COMPARABLE,
    "inconclusive": EXIT_INCONCLUSIVE,
    "pass": EXIT_PASS,
}
"""The worst first: the first that any deciding row has is the gate's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What is known of one metric: a run beside a baseline."""

    suite: str
    method: str
    """The run's."""
    metric: str
    unit: str
    higher_is_better: bool
    run: float | None
    """Mean over seeds; none where it was not measured."""
    baseline: float | None
    """Mean over seeds; none where it was not measured."""
    n_seeds_run: int
    n_seeds_baseline: int
    n_examples: int | None
    """Examples scored, whether or not their statistics are stored: the fewest of any seed; none where none were. Groups
    of them, where rows belong together."""
    difference: MeanDifference | None
    """Run minus baseline at the policy's confidence; none where they cannot be compared."""
    best: float | None = None
    """The best value there is; none where the metric has no such bound."""
    why: str = ""
    """Why they cannot."""
    noise: float | None = None
    """How far the score moves by itself; none where no noise floor is stored."""
    counts: Literal["example", "group"] = "example"
    """What `n_examples` counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEvidence:
    """What is known of one cost: a run beside a baseline, one number a seed."""

    suite: str
    method: str
    limit_name: str
    """Key under `[suites.<suite>.cost]`."""
    limit: float
    """Greatest ratio of the medians."""
    unit: str
    run: tuple[float, ...]
    baseline: tuple[float, ...]
    why: str = ""
    """Why they cannot be compared; empty where they can."""
    other_device: str = ""
    """Why the ratio says nothing: the two device classes; empty where they are equal, or do not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """A setting that the run has otherwise than the baseline."""

    setting: str
    """Dotted path."""
    baseline: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What may have made a row fail, or leave it in doubt, as far as stored files tell."""

    settings: tuple[SettingChange, ...]
    code: tuple[str, ...]
    """What differs that is no setting: the code, and libraries."""
    broken: BrokenRows | None
    """Test rows that score worse; none where they cannot be told, or the row is no metric."""
    rows_unknown: str = ""
    """Why they cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One line of the verdict."""

    suite: str
    method: str
    kind: Kind
    name: str
    """The metric, the cost limit, or what is missing."""
    tier: Tier
    outcome: GateOutcome
    decides: bool
    """Whether it has a part in the total."""
    reason: str
    unit: str = ""
    higher_is_better: bool = True
    run: float | None = None
    """Mean over seeds, of a cost the median; none where it was not measured."""
    baseline: float | None = None
    """As `run`."""
    margin: float | None = None
    """Loss that is accepted, in `unit`; of a cost, the greatest ratio."""
    drop: float | None = None
    """Loss in `unit`, below zero for a gain; of a cost, the ratio."""
    low: float | None = None
    """Lower end of the drop's interval; none where it has no end."""
    high: float | None = None
    """Upper end of the drop's interval; none where it has no end."""
    over: str | None = None
    """What the interval is over: examples, seeds or both."""
    p_value: float | None = None
    """One-sided, for a drop of at most the margin."""
    p_adjusted: float | None = None
    """After correction over the rows that could call a regression; none for advisory rows."""
    n_seeds_run: int | None = None
    n_seeds_baseline: int | None = None
    n_examples: int | None = None
    """Scored, the fewest of any seed."""
    noise: float | None = None
    """How far the score moves by itself, in `unit`; none where no noise floor is stored."""
    paired_seeds: bool = False
    """Whether seeds were set against each other number by number."""
    explanation: Explanation | None = None
    """What may have made it fail, or leaves it in doubt; none where it does neither."""
    too_good: bool = False
    """Better than the baseline by more than the policy believes: look for a leak."""

    @property
    def is_tolerated(self) -> bool:
        """Return whether it is in doubt and does not stand in the way."""
        return self.tier == "supporting" and self.outcome == "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one side comes from."""

    config_key: str
    seeds: tuple[int, ...]
    code: tuple[str, ...]
    """Version and commit of bench, each that a seed was made by."""
    packages: dict[str, str]
    """Library -> its version; several where seeds differ."""

    def __str__(self) -> str:
        """Return it as outputs show it."""
        seeds = ", ".join(map(str, self.seeds))
        return f"config {self.config_key}, seeds {seeds}, by {' and '.join(self.code)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where the two sides of a suite come from, as far as they are there."""

    suite: str
    method: str
    run: Origin | None
    baseline: Origin | None
    other_packages: tuple[str, ...] = ()
    """Libraries whose versions differ between the sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """How a gate that looks after every seed was stopped."""

    first: int
    """Seeds of the first look."""
    last: int
    """Most seeds there can be: as stated, or as many as the baseline has."""
    stated: int
    """Most seeds, as stated."""
    alpha: float
    """Chance of a wrong verdict over all looks, one-sided."""
    levels: tuple[float, ...]
    """One-sided level of each look, from the first to the last."""
    n_seeds: int
    """Seeds that the verdict is on."""
    is_decided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says."""

    policy: Policy
    policy_path: str
    rows: tuple[GateRow, ...]
    origins: tuple[Origins, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know besides: what was allowed by name, and what is stored and was not judged."""
    stopping: Stopping | None = None
    """None where all seeds were judged at once. The policy's alpha is then the level of this look."""
    failures: tuple[str, ...] = ()
    """Which seeds failed to train, and how many may have gone unseen, a sentence a side."""

    @property
    def outcome(self) -> GateOutcome:
        """Return the total; `missing` where no row decides."""
        if not any(row.decides for row in self.rows):
            return "missing"
        deciding = {row.outcome for row in self.rows if row.decides and not row.is_tolerated}
        return next((outcome for outcome in EXIT_CODES if outcome in deciding), "pass")

    @property
    def exit_code(self) -> int:
        """Return what the command line ends with."""
        return EXIT_CODES[self.outcome]
