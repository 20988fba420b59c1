"""A comparison of sides -> Markdown, and the words that the terminal shares with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench import metrics as metric_layer
from bench.comparing.comparable import Mismatch
from bench.comparing.compare import Comparison, MetricComparison
from bench.comparing.failed_seeds import in_words as failures_in_words
from bench.comparing.failed_seeds import training_of
from bench.comparing.flips import Flip, Flips
from bench.comparing.side import Side
from bench.core.wording import plural
from bench.reports.format import cell, code, interval, number, probability, table

OUTPUT_CHARACTERS = 200
"""How much of an output a table of flips shows."""
VALUE_CHARACTERS = 80
"""How much of a field's value a table of mismatches shows."""
_CORRECTIONS = {"holm": "Holm", "benjamini-hochberg": "Benjamini-Hochberg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """One side beside the first, and the rows that flip between them."""

    comparison: Comparison
    """The first side is its `b`."""
    flips: Flips | str | None
    """Or why there are none; None where none were asked for."""


def letters(n: int) -> list[str]:
    """Return `A`, `B`, ... for n sides, the first one first; after `Z` come numbers."""
    return [chr(ord("A") + i) if i < 26 else f"side {i + 1}" for i in range(n)]


def headings(letter: str) -> tuple[str, ...]:
    """Return the columns of the table of one side beside A."""
    return ("metric", "A", letter, f"{letter} - A", f"{letter} is", "over", "p", "adjusted p", "other tests", "noise")


def row_cells(row: MetricComparison) -> tuple[str, ...]:
    """Return one metric as text, a cell a column of `headings`."""
    return (
        f"{row.metric} {'↑' if row.higher_is_better else '↓'}",
        number(row.b, row.unit),
        number(row.a, row.unit),
        difference_text(row),
        row.outcome,
        over(row) or "—",
        "—" if row.difference is None else probability(row.difference.p_value),
        p_text(row),
        ", ".join(f"{test} {probability(p)}" for test, p in row.p_values.items()) or "—",
        "—" if row.noise is None else number(row.noise, row.unit),
    )


def difference_text(row: MetricComparison) -> str:
    """Return a minus b, with its interval where there is one."""
    if row.difference is None:
        return number(row.a - row.b, row.unit, signed=True)
    text = number(row.difference.value, row.unit, signed=True)
    return f"{text} {interval(row.difference.low, row.difference.high, row.unit, signed=True)}"


def p_text(row: MetricComparison) -> str:
    """Return the p-value, corrected for all that are shown together."""
    return "—" if row.p_adjusted is None else probability(row.p_adjusted)


def over(row: MetricComparison) -> str:
    """Return what the interval would let vary: `872 examples`, `3 seeds in pairs`, `872 examples, 5 and 3 seeds`."""
    difference = row.difference
    if difference is None:
        return ""
    parts = [] if difference.over == "seeds" else [plural(difference.n_examples, row.counts)]
    if difference.over != "examples":
        a, b = difference.n_seeds_a, difference.n_seeds_b
        seeds = plural(b, "seed") + (" in pairs" if difference.paired_seeds else " each")
        parts.append(seeds if a == b else f"{b} and {plural(a, 'seed')}")
    return ", ".join(parts)


def describe(side: Side) -> str:
    """Return what a side is: suite, profile, method, seeds, and why a baseline was made."""
    config, seeds = side.config, ", ".join(map(str, side.seeds))
    text = (
        f"{config.suite} · {config.profile} · {config.method_name} · seed{'s' if len(side.seeds) > 1 else ''} {seeds}"
    )
    return text if side.created is None else f"{text} · baseline of {side.created}: {side.reason}"


def waiver(mismatch: Mismatch) -> str:
    """Return the flag that would waive a mismatch; a metric that one side lacks has none."""
    return "none" if mismatch.field == f"metrics.{mismatch.metric}" else f"--allow-mismatch {mismatch.field}"


def family(pairs: Sequence[ComparedPair]) -> str:
    """Return a sentence on interval and correction: how many cells the adjusted p-values are over."""
    first = pairs[0].comparison
    n_cells = sum(row.p_adjusted is not None for pair in pairs for row in pair.comparison.rows)
    name = _CORRECTIONS.get(first.correction)
    adjusted = f"adjusted by {name} over {plural(n_cells, 'cell')}" if name else "not adjusted"
    return f"{100 * first.confidence:g} % intervals; p two-sided, {adjusted}"


def remarks(comparison: Comparison) -> list[str]:
    """Return what has to be known beside a table: evidence that was not used, and what differs."""
    if not comparison.rows:
        return []
    why = [f"{row.metric}: {row.why}" for row in comparison.rows if row.why]
    return [*why, *_without_partner(comparison), *_failures(comparison), *comparison.notes]


def _failures(comparison: Comparison) -> list[str]:
    """Return which seeds of a side failed to train."""
    trainings = [(side.name, training_of(side.records)) for side in (comparison.b, comparison.a)]
    return [f"{name}: {failures_in_words(training)}" for name, training in trainings if training.failed]


def _without_partner(comparison: Comparison) -> list[str]:
    """Return which seeds are in a side's mean and not in the difference."""
    if not any(row.difference is not None and row.difference.paired_seeds for row in comparison.rows):
        return []
    return [
        f"{side.name}: the other side has no seed {', '.join(map(str, alone))}, so differences leave "
        f"{'it' if len(alone) == 1 else 'them'} out"
        for side, other in ((comparison.b, comparison.a), (comparison.a, comparison.b))
        if (alone := [seed for seed in side.seeds if seed not in other.seeds])
    ]


def flip_headings(flips: Flips, letter: str) -> tuple[str, ...]:
    """Return the columns of a table of flips."""
    scores = () if flips.metric is None else (f"{flips.metric}, A → {letter}",)
    return ("", "id", "input", "reference", "A", letter, *scores)


def flip_groups(flips: Flips) -> list[tuple[str, str, tuple[Flip, ...]]]:
    """Return a group's name, how many rows are in it, and those that are shown: drops, then gains."""
    words = ("right → wrong", "wrong → right") if flips.kind == "labels" else ("drop", "gain")
    counts = [f"{flips.n_drops:,}", f"{flips.n_gains:,}"]
    return list(zip(words, counts, (flips.drops, flips.gains), strict=True))


def flip_summary(flips: Flips, letter: str) -> str:
    """Return how many rows flip, in a sentence."""
    (drop, n_drops, _), (gain, n_gains, _) = flip_groups(flips)
    return f"seed {flips.seed}, from A to {letter}: {drop} {n_drops}, {gain} {n_gains} of {plural(flips.n_rows, 'row')}"


def flip_cells(flip: Flip, flips: Flips) -> tuple[str, ...]:
    """Return one row as text, not escaped: id, input, reference, both outputs and the scores where there are any."""
    texts = (flip.id, flip.input, flip.reference, flip.b, flip.a)
    if flips.metric is None or flip.score_a is None or flip.score_b is None:
        return texts
    unit = metric_layer.spec(flips.metric).unit
    return (*texts, f"{number(flip.score_b, unit)} → {number(flip.score_a, unit)}")


# --- Markdown --------------------------------------------------------------------------------------------------------


def render(first: Side, pairs: Sequence[ComparedPair]) -> str:
    """Return a comparison as Markdown.

    Args:
        first: the side that the others are compared with.
        pairs: the others, in order.
    """
    sides = [first, *(pair.comparison.a for pair in pairs)]
    names = letters(len(sides))
    blocks = [
        "# Comparison",
        table(
            ("", "side", "what it is"),
            [(letter, code(side.name), cell(describe(side))) for letter, side in zip(names, sides, strict=True)],
        ),
        f"Differences are the other side minus A. {family(pairs)}.",
    ]
    for letter, pair in zip(names[1:], pairs, strict=True):
        blocks += [f"## {letter} beside A", *_blocks(letter, pair)]
    return "\n\n".join(blocks) + "\n"


def _blocks(letter: str, pair: ComparedPair) -> Iterable[str]:
    comparison = pair.comparison
    if comparison.mismatches:
        yield (
            "**Not comparable**: the sides differ in what both must share."
            if not comparison.is_comparable
            else "Some metrics are **not comparable**:"
        )
        yield _fields(comparison.mismatches, letter, flags=True)
    if comparison.waived:
        yield "Allowed to differ, so read every difference with that in mind:"
        yield _fields(comparison.waived, letter, flags=False)
    if comparison.rows:
        yield table(headings(letter), [tuple(map(_plain, row_cells(row))) for row in comparison.rows])
    if sentences := remarks(comparison):
        yield "\n".join(f"- {cell(remark)}" for remark in sentences)
    if isinstance(pair.flips, str):
        yield f"No flips: {cell(pair.flips)}."
    elif pair.flips is not None:
        yield f"Flips, {flip_summary(pair.flips, letter)}."
        yield from _flip_table(pair.flips, letter)


def _plain(text: str) -> str:
    """Return a cell of ours, whose `<` Markdown must not read as HTML."""
    return text.replace("<", "&lt;")


def _fields(mismatches: Sequence[Mismatch], letter: str, *, flags: bool) -> str:
    rows = [
        (code(m.field), cell(m.theirs, max_characters=VALUE_CHARACTERS), cell(m.ours, max_characters=VALUE_CHARACTERS))
        for m in mismatches
    ]
    if not flags:
        return table(("field", "A", letter), rows)
    waivers = [(code(waiver(m)),) for m in mismatches]
    return table(("field", "A", letter, "waived by"), [(*a, *b) for a, b in zip(rows, waivers, strict=True)])


def _flip_table(flips: Flips, letter: str) -> Iterable[str]:
    rows = [
        (name, *(cell(text, max_characters=OUTPUT_CHARACTERS) for text in flip_cells(flip, flips)))
        for name, _, group in flip_groups(flips)
        for flip in group
    ]
    if rows:
        yield table(flip_headings(flips, letter), rows)
