"""The policy of a gate: what is looked at, how much may be lost, and what decides. One TOML file.

`baselines/policy.toml` is one, and its comments say what the keys are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from bench import metrics
from bench.config import ProfileName, Strict
from bench.core.errors import InputError, suggest
from bench.core.files import read_toml
from bench.core.schema import Fault, validate
from bench.records.other_code import CodeFault
from bench.records.store import default_roots
from bench.suites.resolve import SuiteFile, builtin_suites, load_suite, merge

POLICY_FILE: Final = "policy.toml"
"""Where it lies in a folder of baselines."""

Tier = Literal["critical", "supporting", "advisory"]
Correction = Literal["holm", "benjamini-hochberg", "none"]
Allowance = Literal["config", CodeFault]
"""What makes runs stale, and may be allowed by name: another config than the suite's, or other code."""
ALLOWANCES: Final[tuple[Allowance, ...]] = get_args(Allowance)
COST_LIMITS: Final = ("max_time_ratio", "max_memory_ratio", "max_trainable_ratio", "max_size_ratio")


class MetricPolicy(Strict):
    """What one metric may lose, and whether that decides."""

    tier: Tier
    """`critical` decides; `supporting` can call a regression but its doubt does not block; `advisory` is shown."""
    max_drop: float | None = Field(default=None, ge=0)
    """Loss that is accepted, in the metric's unit; for a metric whose lower values are better, a rise."""
    max_relative_drop: float | None = Field(default=None, ge=0)
    """The same as a share of the baseline's value. Where both are given, the smaller loss counts."""
    min_seeds: int | None = Field(default=None, ge=1)
    """Seeds that either side must have; default: the policy's."""
    min_examples: int | None = Field(default=None, ge=1)
    """Examples that must have been scored; default: the policy's."""

    def margin(self, baseline: float) -> float | None:
        """Return the loss that is accepted, in the metric's unit; none where no limit is set.

        Args:
            baseline: the baseline's value, mean over its seeds.
        """
        relative = None if self.max_relative_drop is None else self.max_relative_drop * abs(baseline)
        return min((limit for limit in (self.max_drop, relative) if limit is not None), default=None)


class CostPolicy(Strict):
    """What a run may cost, as a ratio to the baseline: medians over seeds."""

    max_time_ratio: float | None = Field(default=None, ge=1)
    """Of the seconds spent training."""
    max_memory_ratio: float | None = Field(default=None, ge=1)
    """Of the peak memory: the GPU's where there is one, else the process's."""
    max_trainable_ratio: float | None = Field(default=None, ge=1)
    """Of the number of trainable parameters."""
    max_size_ratio: float | None = Field(default=None, ge=1)
    """Of the bytes of the saved weights."""

    def limits(self) -> dict[str, float]:
        """Return the limits that are set, by name."""
        return {name: limit for name in COST_LIMITS if (limit := getattr(self, name)) is not None}


class SuitePolicy(Strict):
    """What one suite is held to."""

    method: str | None = None
    """The method whose runs are taken and whose baseline counts; default: the suite's own for the profile."""
    required: bool = True
    """Whether a missing run or baseline stands in the way."""
    primary: str | None = None
    """The metric without which the suite does not pass; default: the suite's own primary metric."""
    max_leak: float | None = Field(default=None, ge=0, le=1)
    """As the policy's; default: that."""
    max_failure_rate: float | None = Field(default=None, gt=0, le=1)
    """As the policy's; default: that."""
    metrics: dict[str, MetricPolicy] = Field(default_factory=dict)
    cost: CostPolicy = CostPolicy()


def _as_tuple(value: Any) -> Any:
    """Return a list of TOML as the tuple that a strict type wants."""
    return tuple(value) if isinstance(value, list) else value


class Policy(Strict):
    """What a gate decides by."""

    profile: ProfileName
    """Profile of the runs and baselines: its limits mean nothing for another."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of a wrong verdict that is accepted, one-sided."""
    correction: Correction = "holm"
    """Of the p-values of all rows that could call a regression."""
    min_seeds: int = Field(default=3, ge=1)
    """Seeds that the run and the baseline must have, for a pass."""
    max_seeds: int | None = Field(default=None, ge=2)
    """Most seeds that `bench gate --sequential` and `bench run --until-decided` look at; none leaves it to
    `--max-seeds`."""
    min_examples: int = Field(default=30, ge=1)
    """Examples that must have been scored, for a pass: of fewer, too few move to show what the others would do."""
    too_good: float | None = Field(default=None, gt=0)
    """Share of what was left to gain beyond which an improvement is flagged as a possible leak: of the way from the
    baseline's value to the best one there is, or of the value itself where there is no best; none flags nothing."""
    max_leak: float = Field(default=0.01, ge=0, le=1)
    """Share of the test rows that may also stand in the training rows, whole or nearly, for a pass."""
    max_failure_rate: float | None = Field(default=None, gt=0, le=1)
    """Greatest rate at which seeds may fail to train, for a pass: the upper end of its interval must be within. None
    sets no limit; to show 5 % takes 59 seeds of which none fails, so the rate is said and seldom limited."""
    allow: Annotated[tuple[Allowance, ...], BeforeValidator(_as_tuple)] = ()
    """What is judged although it would be stale: any of config, commit, version, dirty and mixed. Outputs say so."""
    suites: dict[str, SuitePolicy] = Field(min_length=1)

    @property
    def confidence(self) -> float:
        """Return the coverage of the two-sided interval whose either end is a one-sided test at `alpha`."""
        return 1 - 2 * self.alpha


def find_policy(roots: Sequence[Path] | None = None) -> Path:
    """Return the policy of the first folder of baselines that has one.

    Args:
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Raises:
        InputError: none has one.
    """
    places = [root / POLICY_FILE for root in roots or default_roots()]
    for path in places:
        if path.is_file():
            return path
    raise InputError(f"there is no policy at {' or '.join(map(str, places))}; name one with --policy FILE")


def load_policy(path: Path) -> Policy:
    """Read a policy, and check every name and limit in it.

    Raises:
        InputError: it cannot be read; a key, suite, method or metric is unknown; a limit is absent or senseless; or a
            suite has nothing that decides.
    """
    return parse_policy(read_toml(path), place=str(path))


def parse_policy(tables: Mapping[str, Any], *, place: str) -> Policy:
    """Return the policy that TOML tables hold.

    Args:
        tables: as `tomllib` reads them.
        place: what messages call the file.

    Raises:
        InputError: as `load_policy`.
    """
    policy = validate(Policy, tables, strict=True, explain=lambda fault: f"{place}: {_explain(fault)}")
    for name, suite in policy.suites.items():
        try:
            _check_suite(name, suite, policy)
        except InputError as error:
            raise InputError(f"{place}: suites.{name}{error}") from None
    return policy


def _explain(fault: Fault) -> str:
    """Return a fault of a policy: which field, what is wrong, what is allowed."""
    if fault.kind == "unknown key":
        keys = [str(part) for part in fault.location]
        return f"{fault.field} is not a known key{suggest(keys[-1], _keys_beside(keys))}"
    if fault.kind == "missing key":
        return f"{fault.field} is missing"
    got = "" if isinstance(fault.value, Mapping) else f", got {fault.value!r}"
    return f"{fault.field}: {fault.message}{got}"


def _keys_beside(loc: Sequence[str]) -> list[str]:
    """Return the keys of the table that a location (its last part a key) is in."""
    if "metrics" in loc[2:3]:
        return list(MetricPolicy.model_fields)
    if "cost" in loc[2:3] and len(loc) > 3:
        return list(CostPolicy.model_fields)
    return list(SuitePolicy.model_fields if loc[0] == "suites" else Policy.model_fields)


# --- names and limits; messages start behind `suites.<name>` ---------------------------------------------------------


def _check_suite(name: str, suite: SuitePolicy, policy: Policy) -> None:
    try:
        file = load_suite(f"suites/{name}")
    except InputError as error:
        if name in builtin_suites() or Path("suites", name).exists():
            raise InputError(f" cannot be read: {error}") from None
        raise InputError(f" is not a known suite{suggest(name, builtin_suites())}") from None
    if policy.profile not in file.profiles:
        raise InputError(f" has no profile {policy.profile!r}{suggest(policy.profile, file.profiles)}")
    methods = file.methods(policy.profile)
    if suite.method is not None and suite.method not in methods:
        raise InputError(f".method: {suite.method!r} is not a method of the suite{suggest(suite.method, methods)}")
    scored = _metrics_of(file, policy.profile)
    if suite.primary is not None and suite.primary not in scored:
        raise InputError(f".primary: {suite.primary!r} is not a metric of the suite{suggest(suite.primary, scored)}")
    for metric, limits in suite.metrics.items():
        if metric not in scored:
            raise InputError(f".metrics.{metric} is not a metric of the suite{suggest(metric, scored)}")
        _check_limits(metric, limits)
    if not suite.cost.limits() and not any(limits.tier == "critical" for limits in suite.metrics.values()):
        raise InputError(
            " names nothing that decides, and would pass on no evidence; "
            'give one metric tier = "critical", or set a limit under cost'
        )


def _metrics_of(file: SuiteFile, profile: str) -> list[str]:
    return list(merge(file.tables.get("metrics", {}), file.tables["profiles"][profile].get("metrics", {})))


def _check_limits(metric: str, limits: MetricPolicy) -> None:
    place = f".metrics.{metric}"
    if limits.max_drop is None and limits.max_relative_drop is None:
        if limits.tier != "advisory":
            raise InputError(f"{place}.max_drop is missing, and so is max_relative_drop; tier {limits.tier} needs one")
        return
    spec = metrics.spec(metric)
    span = spec.high - spec.low
    if limits.max_drop is not None and limits.max_drop >= span:
        raise InputError(
            f"{place}.max_drop = {limits.max_drop:g} can never be exceeded: {metric} is in {spec.unit}, "
            f"from {spec.low:g} to {spec.high:g}; give less than {span:g}"
        )
    if limits.max_relative_drop is not None and limits.max_relative_drop >= 1 and spec.higher_is_better:
        raise InputError(
            f"{place}.max_relative_drop = {limits.max_relative_drop:g} can never be exceeded: it is a share of the "
            "baseline's value; give less than 1"
        )
