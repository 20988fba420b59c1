"""Sources -> Splits: rows are read, picked, checked, fingerprinted, and looked over for leaks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.config import (
    Data,
    DataConfig,
    SplitConfig,
    TextsConfig,
)
from bench.config.task import TargetKind
from bench.core.errors import InputError
from bench.core.progress import Announce
from bench.materials.continuous import load_controls, load_texts
from bench.materials.duplicates import near_duplicates
from bench.materials.splits import SPLITS, Example, ScoredSplit, Splits, digest, groups_of, normalised
from bench.materials.tables import SourceRow, Table, check_columns, read_source
from bench.materials.targets import LabelReader, LabelsAre, UnknownLabelError, as_key, input_of, labels_in, target_of
from bench.records.record import DataSummary, SplitSummary
from bench.statistics.groups import count_groups


def load_splits(
    config: Data,
    *,
    target: TargetKind = "text",
    scored: ScoredSplit = "test",
    offline: bool = False,
    announce: Announce = lambda _: None,
) -> Splits:
    """Fetch, read and pick what every split holds: rows, or one part of each continuous text.

    Args:
        config: the `[data]` table, of either kind.
        target: what the task asks of a row.
        scored: `validation` puts the validation rows in the place of the test rows, which are then not looked at.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched.

    Raises:
        SourceError: a source cannot be fetched or fails its hash.
        InputError: a column or row range is missing, a label is unknown or never occurs, an id is there twice, or a
            split comes out empty; for continuous texts, see `bench.materials.continuous.load_texts`.
    """
    if isinstance(config, TextsConfig):
        return load_texts(config, scored=scored, offline=offline, announce=announce)
    if scored == "validation":
        config = config.model_copy(update={"test": config.validation})
    return _load_rows(config, target, offline=offline, announce=announce)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedRows:
    """The rows of every split."""

    splits: dict[str, tuple[Example, ...]]
    tables: dict[str, Table]
    """Split -> the source that its rows are of."""
    labels_are: LabelsAre | None
    """How the rows give their labels; none where the task has no labels."""


def pick_rows(
    config: DataConfig, target: TargetKind, *, offline: bool = False, announce: Announce = lambda _: None
) -> PickedRows:
    """Fetch, read and pick the rows of every split.

    Labels are names or numbers in all splits alike.

    Raises:
        SourceError: a source cannot be fetched or fails its hash.
        InputError: see `load_splits`.
    """
    read: dict[str, Table] = {}
    reader = LabelReader(labels=config.labels)
    splits: dict[str, tuple[Example, ...]] = {}
    tables: dict[str, Table] = {}
    for split in SPLITS:
        source = config.source_of(split)
        key = source.model_dump_json()
        if key not in read:
            read[key] = read_source(source, offline=offline, announce=announce)
        tables[split] = read[key]
        rows = tables[split].rows
        try:
            splits[split] = _pick(rows, config, target, getattr(config, split), place=f"data.{split}", reader=reader)
        except UnknownLabelError as error:
            there = as_key(labels_in(rows, config.target_columns[0], target))
            raise InputError(f"{error}; the column holds {there}") from None
    return PickedRows(splits=splits, tables=tables, labels_are=reader.labels_are)


def _load_rows(config: DataConfig, target: TargetKind, *, offline: bool, announce: Announce) -> Splits:
    rows = pick_rows(config, target, offline=offline, announce=announce)
    picked = rows.splits
    summaries = {
        split: SplitSummary(
            n_examples=len(examples),
            fingerprint=digest([e.id, e.input, e.target] for e in examples),
            source=rows.tables[split].identity,
            exact_duplicates=len(examples) - len({e.input for e in examples}),
            majority_share=majority_share(examples),
            **_summary_of_groups(examples),
        )
        for split, examples in picked.items()
    }
    controls, others = load_controls(config.controls or {}, offline=offline, announce=announce)
    summaries |= others
    seen = {normalised(e.input) for e in picked["train"]}
    summary = DataSummary(
        fingerprint=digest([s.fingerprint] for s in summaries.values()),
        splits=summaries,
        train_test_overlap=sum(normalised(e.input) in seen for e in picked["test"]),
        near_duplicates=near_duplicates([e.input for e in picked["train"]], [e.input for e in picked["test"]]),
        labels_are=rows.labels_are,
    )
    return Splits(
        train=picked["train"],
        validation=picked["validation"],
        test=picked["test"],
        controls=controls,
        summary=summary,
    )


def majority_share(examples: Sequence[Example]) -> float | None:
    """Return the share of the most frequent label, of rows or of words; none where texts come out."""
    targets = [example.target for example in examples]
    labels = [target for target in targets if isinstance(target, int)] or [n for e in examples for n in e.numbers]
    return max(Counter(labels).values()) / len(labels) if labels else None


def _summary_of_groups(examples: Sequence[Example]) -> dict[str, Any]:
    """Return what a summary says of groups; nothing where every row stands for itself."""
    groups = groups_of(examples)
    if groups is None:
        return {}
    return {"n_groups": count_groups(groups), "groups_fingerprint": digest([number] for number in groups.tolist())}


def _pick(
    rows: Sequence[SourceRow],
    config: DataConfig,
    kind: TargetKind,
    split: SplitConfig,
    *,
    place: str,
    reader: LabelReader,
) -> tuple[Example, ...]:
    named = [column for column in (config.id_column, config.group_column) if column]
    check_columns(rows, [config.input_column, *config.target_columns, *split.where, *named], place)
    if split.balanced and kind != "label":
        raise InputError(
            f"{place}: balanced = true takes labels in turn, but rows of this task have none; leave it out"
        )
    width = len(str(max(len(rows) - 1, 0)))
    chosen: list[Example] = []
    seen: set[str] = set()
    rows_by_id: dict[str, int] = {}
    for number, row in enumerate(rows):
        if any(str(row.get(column)) != value for column, value in split.where.items()):
            continue
        text = input_of(row, config.input_column, kind, f"{place}: row {number}")
        if split.deduplicate and text in seen:
            continue
        seen.add(text)
        name = row.get(config.id_column) if config.id_column else f"{number:0{width}d}"
        if name is None:
            raise InputError(f"{place}: row {number}: {config.id_column} is missing")
        first = rows_by_id.setdefault(str(name), number)
        if first != number:
            raise InputError(
                f"{place}: rows {first} and {number} both have {config.id_column} = {name!r}; an id must be there "
                "once: name another data.id_column, or leave it out to count rows"
            )
        target = target_of(row, config, kind, f"{place}: row {number}", reader)
        group = _group_of(row, config, f"{place}: row {number}")
        chosen.append(Example(id=str(name), input=text, target=target, group=group))
        if split.order == "source" and not split.balanced and len(chosen) == split.stop:
            break  # the rest of a large source stays unread
    return _cut(chosen, config.labels, split, place)


def _group_of(row: SourceRow, config: DataConfig, place: str) -> str | None:
    if config.group_column is None:
        return None
    group = row.get(config.group_column)
    if group is None or not str(group).strip():
        raise InputError(
            f"{place}: {config.group_column} is {'missing' if group is None else 'empty'}; every row belongs to one "
            "group: give a row that stands for itself a name of its own"
        )
    return str(group)


def _cut(chosen: list[Example], labels: Sequence[str], split: SplitConfig, place: str) -> tuple[Example, ...]:
    if split.order == "hash":
        chosen.sort(key=lambda e: (hashlib.sha256(e.input.encode()).digest(), e.id))
    if split.balanced:
        chosen = _in_turn(chosen, labels, place)
    qualify = "qualify and balance" if split.balanced else "qualify"
    if split.stop is not None and split.stop > len(chosen):
        raise InputError(f"{place}: stop = {split.stop}, but the source has {len(chosen)} rows that {qualify}")
    picked = tuple(chosen[split.start : split.stop])
    if not picked:
        raise InputError(f"{place}: no rows; the source has {len(chosen)} that {qualify} and start = {split.start}")
    return picked


def _in_turn(chosen: Sequence[Example], labels: Sequence[str], place: str) -> list[Example]:
    """Return each label's first example, then each one's second, and so on, until a label has no more."""
    by_label = [[e for e in chosen if e.target == number] for number in range(len(labels))]
    for label, examples in zip(labels, by_label, strict=True):
        if not examples:
            raise InputError(
                f"{place}: balanced = true, but none of the {len(chosen)} rows that qualify has the label {label!r}; "
                "mend `where` or data.labels"
            )
    return [example for turn in zip(*by_label, strict=False) for example in turn]
