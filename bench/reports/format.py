"""How numbers, text and tables are written: the only place where a result is rounded, or text is made safe."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from bench.comparing.summary import Estimate

MAX_CHARACTERS = 280
"""Of a text in a table cell."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")
"""What means something in Markdown or HTML."""

_DECIMALS = {"fraction": 3, "points": 2, "nats per token": 3, "perplexity": 2, "tokens": 1, "characters": 1}
_BYTES = ("B", "kB", "MB", "GB", "TB")


def number(value: float, unit: str = "", *, signed: bool = False) -> str:
    """Return a value with the decimals its unit deserves.

    A value that is not zero never shows as zero: it gets decimals until its first digit is seen. Below 1e-12 it is the
    rounding of a sum, and shows as zero.

    Args:
        value: in `unit`.
        unit: a metric's unit; others get three decimals.
        signed: whether a value above zero carries a plus.
    """
    decimals = next((n for name, n in _DECIMALS.items() if unit.startswith(name)), 3)
    value = 0.0 if abs(value) < 1e-12 else value
    if abs(value) >= 1e6:
        text = f"{value:.3e}"
    else:
        while value != 0 and round(value, decimals) == 0:
            decimals += 1
        text = f"{round(value, decimals) + 0.0:,.{decimals}f}"
    return f"+{text}" if signed and value > 0 else text


def interval(low: float, high: float, unit: str = "", *, signed: bool = False) -> str:
    """Return `[low, high]`, rounded as `number` does."""
    return f"[{number(low, unit, signed=signed)}, {number(high, unit, signed=signed)}]"


def estimated(estimate: Estimate, unit: str) -> str:
    """Return `mean ± standard deviation` over seeds; of one number alone, it and its interval over examples."""
    value = number(estimate.value, unit)
    if estimate.over == "seeds" and estimate.standard_deviation is not None:
        return f"{value} ± {number(estimate.standard_deviation, unit)}"
    return f"{value} {interval(estimate.low, estimate.high, unit)}"


def probability(value: float) -> str:
    """Return a p-value: three decimals, `< 0.001` below."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def seconds(value: float) -> str:
    """Return a duration: `0.42 s`, `42.0 s`, `4 min 05 s`, `1 h 02 min`."""
    if value < 1:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(n_bytes: float) -> str:
    """Return a size in decimal units: `812 B`, `2.4 MB`."""
    value, units = float(n_bytes), list(_BYTES)
    # 999.95 would show as 1000.0, so it already belongs to the next unit.
    while value >= 999.95 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def count(value: float) -> str:
    """Return a whole number with thousands separated: `66,955,010`."""
    return f"{round(value):,}"


def share(value: float) -> str:
    """Return a share in [0, 1] as per cent: `0.88 %`."""
    return f"{100 * value:.2f} %"


def plain(value: float) -> str:
    """Return a documented number as a person would write it: `0.833`, `16,000,000`."""
    return count(value) if abs(value) >= 1000 else f"{value:g}"


# --- text and tables -------------------------------------------------------------------------------------------------


def cell(text: str, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return text as one table cell: on one line, shortened, every character of Markdown and HTML made plain.

    Args:
        text: anything a model or a person wrote.
        max_characters: longer text is cut at a word and ends in an ellipsis.
    """
    line = " ".join(text.split())
    if len(line) > max_characters:
        cut = line[: max_characters - 1]
        line = (cut[: cut.rfind(" ")] if " " in cut[max_characters // 2 :] else cut) + "…"
    return _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;")) or "*(empty)*"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a GitHub table.

    Args:
        headers: one a column.
        rows: cells as they shall stand: text from outside goes through `cell` or `code` first.
    """
    # tabulate would read `1e5` and config keys as numbers and reformat them.
    return str(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


def code(text: str) -> str:
    """Return text in code type, safe inside a table cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"
