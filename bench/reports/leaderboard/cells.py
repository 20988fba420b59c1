"""Board -> the cells and sentences that Markdown and the terminal share. Pure; nothing here is escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench import metrics
from bench.comparing.leaderboard.board import MIN_SEEDS, Board, BoardEntry
from bench.core.wording import plural
from bench.reports.comparison import difference_text
from bench.reports.format import count, interval, number, seconds, share, size

MISSING = "—"
Name = Callable[[str], str]
"""How a method's name is written: as it is, or in code type."""


def score_headings(board: Board) -> tuple[str, ...]:
    """Return the columns of the table of scores."""
    spec = metrics.spec(board.metric)
    unit = "" if board.unit == "fraction" else f", {board.unit}"
    arrow = "↑" if board.higher_is_better else "↓"
    minus = board.selection.reference or "reference"
    margin = () if board.margin is None else ("below the best by at most",)
    return ("rank", "group", "method", f"{spec.title} {arrow}{unit}", "seeds", f"minus {minus}", "is", *margin)


def score_cells(entry: BoardEntry, board: Board) -> tuple[str, ...]:
    """Return one method, a cell a column of `score_headings`."""
    level = entry.level
    return (
        rank_text(entry),
        entry.letters or MISSING,
        entry.name,
        f"{number(level.value, board.unit)} {interval(level.low, level.high, board.unit)}",
        str(entry.n_seeds),
        MISSING if entry.difference is None else difference_text(entry.difference),
        MISSING if entry.word == "no reference" else entry.word,
        *(() if board.margin is None else (_shortfall(entry, board),)),
    )


def rank_text(entry: BoardEntry) -> str:
    """Return the ranks that a method can have: `3`, or `4-8`."""
    low, high = entry.rank_low, entry.rank_high
    return str(low) if low == high else f"{low}-{high}"


def _shortfall(entry: BoardEntry, board: Board) -> str:
    return "not known" if entry.shortfall is None else number(entry.shortfall, board.unit)


def cost_headings(board: Board) -> tuple[str, ...]:
    """Return the columns of the table of cost and forgetting."""
    texts = board.forgotten_texts
    named = [f"forgetting: {title}" for title in texts] if len(texts) > 1 else ["forgetting"]
    return (
        "method",
        "trainable",
        "share",
        "saved",
        "training",
        "whole run",
        "processor",
        "memory",
        "tokens to target",
        "time to target",
        *named,
    )


def cost_cells(entry: BoardEntry, board: Board) -> tuple[str, ...]:
    """Return one method, a cell a column of `cost_headings`."""
    spent = entry.spent
    return (
        entry.name,
        count(spent.trainable_parameters),
        share(spent.trainable_share),
        size(spent.saved_bytes),
        seconds(spent.training_s),
        seconds(spent.wall_s),
        MISSING if spent.cpu_s is None else seconds(spent.cpu_s),
        size(spent.peak_memory_bytes),
        *_to_target(entry, board),
        *(_forgotten(entry, title) for title in board.forgotten_texts or ("",)),
    )


def _to_target(entry: BoardEntry, board: Board) -> tuple[str, str]:
    reached = entry.to_target
    if board.target is None:
        return MISSING, MISSING
    if reached is None:
        return "no curve", "no curve"
    some = "" if reached.n_reached == reached.n_seeds else f" ({reached.n_reached}/{reached.n_seeds})"
    if reached.tokens is None or reached.seconds is None:
        return f"not reached{some}", f"not reached{some}"
    return count(reached.tokens) + some, seconds(reached.seconds) + some


def _forgotten(entry: BoardEntry, title: str) -> str:
    rise = entry.forgetting.get(title)
    if rise is None:
        return MISSING
    spread = rise.standard_deviation_nats
    return number(rise.mean_nats, signed=True) + ("" if spread is None else f" ± {number(spread)}")


# --- sentences -------------------------------------------------------------------------------------------------------


def verdict(board: Board, name: Name = str) -> str:
    """Return which methods are unbeaten, what was told apart, and, with a margin, which are good enough."""
    if len(board.entries) == 1:
        return f"Only {name(board.entries[0].name)} is stored, so there is nothing to set it against."
    if not board.n_tested:
        return "No two methods were tested, so nothing is known of their order."
    seeds = sorted({entry.n_seeds for entry in board.tested})
    each = plural(seeds[0], "seed") + " each" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    alpha = f"{100 * (1 - board.confidence):g} %"
    pairs = plural(board.n_tested, "tested pair")
    told = f"{board.n_told_apart} of {pairs} {'is' if board.n_told_apart == 1 else 'are'} told apart"
    sentences = [_unbeaten(board, name), f"{told} ({each}; corrected over the pairs, {alpha})."]
    if board.margin is not None:
        sentences.append(_good_enough(board, board.margin, name))
    return " ".join(sentences)


def _unbeaten(board: Board, name: Name) -> str:
    unbeaten = board.unbeaten
    if len(unbeaten) > 1:
        names = _joined([entry.name for entry in unbeaten], name, "or")
        return f"No method is shown to be better than {names}: the rows and seeds do not decide between them."
    (first,) = unbeaten
    own = [pair for pair in board.pairs if pair.has(first.name)]
    undecided = [pair.other(first.name) for pair in own if not pair.is_told_apart]
    if undecided:
        return (
            f"No method is shown to be better than {name(first.name)}; the rows and seeds do not decide between it and "
            f"{_joined(undecided, name, 'or')}."
        )
    others = "every other method" + (" asked for" if board.not_asked else "")
    return f"{name(first.name)} is the best: it is told apart from {others}."


def _good_enough(board: Board, margin: float, name: Name) -> str:
    within = f"within {margin:g} of the best" + (" of those asked for" if board.not_asked else "")
    enough = board.good_enough
    if not enough:
        return f"No method is shown to be {within}."
    shown = f"Shown to be {within}: {_joined([entry.name for entry in enough], name)}."
    if len(enough) == 1:
        return shown
    fewest = min(entry.spent.trainable_parameters for entry in enough)
    small = _joined([entry.name for entry in enough if entry.spent.trainable_parameters == fewest], name)
    cheapest = f"{shown} The cheapest within the margin: by trainable parameters {small} ({count(fewest)})"
    if len(_devices(enough)) > 1:
        return f"{cheapest}."  # times of unlike devices say nothing of methods
    least = min(entry.spent.training_s for entry in enough)
    fast = _joined([entry.name for entry in enough if entry.spent.training_s == least], name)
    return f"{cheapest}; by training time {fast} ({seconds(least)})."


def _devices(entries: Sequence[BoardEntry]) -> list[str]:
    return sorted({record.environment.device for entry in entries for record in entry.side.records})


def warnings(board: Board, name: Name = str) -> list[str]:
    """Return what makes the board say less than it seems to."""
    texts = []
    few = [f"{name(entry.name)} ({entry.n_seeds})" for entry in board.entries if entry.n_seeds < MIN_SEEDS]
    if few:
        texts.append(
            f"Fewer than {MIN_SEEDS} seeds: {', '.join(few)}. What another seed would give is not known there, so a "
            "difference may be the luck of one."
        )
    devices = _devices(board.entries)
    if len(devices) > 1:
        texts.append(f"Times and memory are of several kinds of device ({', '.join(devices)}): do not compare them.")
    if len({entry.spent.memory_of for entry in board.entries}) > 1:
        of_gpu = [name(entry.name) for entry in board.entries if entry.spent.memory_of == "GPU"]
        texts.append(f"Peak memory is that of the GPU for {', '.join(of_gpu)}, and of the process for the others.")
    return texts


def how_to_read(board: Board) -> str:
    """Return what the columns of the table of scores mean, and what they rest on."""
    parts = {"both": "seeds and examples", "seeds": "seeds alone", "examples": "examples alone"}
    over = dict.fromkeys(entry.level.over for entry in board.entries)
    ways = []
    for way in over:
        names = [entry.name for entry in board.entries if entry.level.over == way]
        ways.append(parts[way] + (f" ({', '.join(names)})" if len(over) > 1 else ""))
    others = [e for e in board.entries if e.level.confidence != board.confidence]
    apart = "".join(f" That of {e.name} is a {100 * e.level.confidence:g} % one." for e in others)
    return (
        f"Mean over seeds, with its {100 * board.confidence:g} % interval over {' and over '.join(ways)}.{apart} "
        "Methods that share a letter were tested and not told apart, which does not make them equal; two that share "
        "none were told apart or not tested. The rank goes from 1 + the number of methods that are significantly "
        "better to the number of all less those that are significantly worse. Letters, ranks and the word beside a "
        f"difference are corrected over {plural(board.n_tested, 'tested pair')} (Shaffer 1986); intervals are not "
        f"corrected. {_on_margin(board)}"
    )


def _on_margin(board: Board) -> str:
    if board.margin is None:
        return "No method is recommended: good enough is what is shown to be within a margin of the best (--margin)."
    return (
        f"Below the best by at most: how far a method may fall short of the best one, whichever that is, by one-sided "
        f"{100 * board.confidence:g} % intervals, corrected over the other methods (Hsu 1981); below the margin of "
        f"{board.margin:g} it is good enough."
    )


def what_costs(board: Board) -> str:
    """Return what the columns of the table of cost mean."""
    memory = {entry.spent.memory_of for entry in board.entries}
    of = f"of the {memory.pop()}" if len(memory) == 1 else "as said above"
    target = ""
    if board.target is not None:
        default = board.selection.reference
        is_default = default is not None and board.target == next(
            entry.level.value for entry in board.entries if entry.name == default
        )
        whose = f", the mean score of {default}" if is_default else ""
        target = (
            f" To target: what it took until a test score along the way reached {number(board.target, board.unit)}"
            f"{whose}; median over seeds, training alone; (4/5): four of five seeds reached it."
        )
    forgetting = ""
    if board.forgotten_texts:
        titles = ", ".join(board.forgotten_texts)
        forgetting = f" Forgetting: rise of the loss on unrelated text ({titles}), nats a token, ± over seeds."
    return f"Means over seeds; peak memory {of}.{target}{forgetting}"


def why_missing(board: Board) -> list[str]:
    """Return why a value is missing, a sentence for each reason."""
    texts = [*dict.fromkeys(f"{pair.a} and {pair.b}: {why}." for pair in board.pairs if (why := pair.comparison.why))]
    if len(texts) > _MANY:
        texts = [*texts[:_MANY], f"The same or the like holds of {plural(len(texts) - _MANY, 'pair')} more."]
    entries, selection = board.entries, board.selection
    if board.not_asked:
        texts.append(f"Not asked for, and so not tested: {', '.join(entry.name for entry in board.not_asked)}.")
    if absent := [method for method in board.methods if method not in {entry.name for entry in entries}]:
        texts.append(f"Asked for, and nothing comparable is stored here: {', '.join(absent)}.")
    if board.margin is not None and (without := [entry.name for entry in board.tested if entry.shortfall is None]):
        texts.append(
            f"How far below the best is not known of {', '.join(without)}: some pair has no interval over seeds, or "
            "nothing in it varies."
        )
    if selection.reference is None:
        texts.append(
            f"Nothing comparable is stored of {selection.default_method}, the suite's default method, so there is no "
            "reference" + ("." if board.target is not None else ", and no target: give one with --target.")
        )
    if without := [entry.name for entry in entries if entry.spent.cpu_s is None]:
        texts.append(f"Processor time was not measured for {_all_or(without, entries)}.")
    if board.target is not None and (without := [entry.name for entry in entries if entry.to_target is None]):
        texts.append(
            f"No curve of {board.metric} is stored for {_all_or(without, entries)}: training.evaluate_every_steps "
            "makes one."
        )
    if without := [entry.name for entry in entries if not set(board.forgotten_texts) <= set(entry.forgetting)]:
        texts.append(f"Forgetting was not measured on every text for {_all_or(without, entries)}.")
    elif not board.forgotten_texts:
        texts.append("Forgetting was not measured for any method.")
    return texts


_MANY = 5
"""Pairs without their full evidence that are named one by one."""


def _all_or(names: Sequence[str], entries: Sequence[BoardEntry]) -> str:
    return "any method" if len(names) == len(entries) else ", ".join(names)


def _joined(names: Sequence[str], name: Name, word: str = "and") -> str:
    *head, last = map(name, names)
    return f"{', '.join(head)} {word} {last}" if head else last
