"""What ran: the report's first table, and what one scored example is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench import metrics
from bench.comparing.summary import RunSummary
from bench.config import SuiteConfig
from bench.core.wording import plural
from bench.records.record import SplitSummary
from bench.reports.format import cell, code, count, table


def what_ran(summary: RunSummary) -> Iterable[str]:
    """Yield the config, the budget and the data in one table."""
    first, config = summary.records[0], summary.config
    seeds = ", ".join(str(record.seed) for record in summary.records)
    facts = [
        ("suite", f"{code(config.suite)}, version {config.version}"),
        ("profile", code(config.profile)),
        ("method", code(config.method_name)),
        ("seeds", seeds),
        ("config key", code(first.config_key)),
        ("base model", code(first.model.base)),
        ("budget", "; ".join(_budget(config))),
        ("data fingerprint", code(first.data.fingerprint[:16])),
    ]
    facts += [
        (f"{cell(name)} {split.unit}", f"{count(split.n_examples)}{_in_groups(split)} from {code(split.source)}")
        for name, split in in_order(first.data.splits)
    ]
    unit = unit_of_test(first.data.splits)
    overlap = plural(first.data.train_test_overlap, f"test {unit.removesuffix('s')}")
    facts.append(("train/test overlap", f"{overlap} also in the training {unit}"))
    yield table(("what", "value"), facts)


def _in_groups(split: SplitSummary) -> str:
    return "" if split.n_groups is None else f" in {plural(split.n_groups, 'group')}"


def _budget(config: SuiteConfig) -> Iterable[str]:
    training = config.training
    length = plural(training.epochs, "epoch") if training.epochs is not None else plural(training.steps or 0, "step")
    yield (
        f"{length}, batch size {training.batch_size}, {training.optimizer} at learning rate "
        f"{training.learning_rate:g} ({training.scheduler}), {training.precision}"
    )
    yield from config.task.budget()


def in_order(splits: Mapping[str, SplitSummary]) -> list[tuple[str, SplitSummary]]:
    """Return the splits as they are used, then the others by name; JSON keeps all by name."""
    used = [name for name in ("train", "validation", "test") if name in splits]
    return [(name, splits[name]) for name in (*used, *sorted(splits.keys() - set(used)))]


def unit_of_test(splits: Mapping[str, SplitSummary]) -> str:
    """Return what the test split counts: `rows` or `paragraphs`."""
    return splits["test"].unit


def example_of(config: SuiteConfig, metric: str) -> str:
    """Return what one example of a metric is called: a test row, a sample, or the held-out passage beside it."""
    return config.task.example_name(metrics.spec_or_name(metric).inputs)
