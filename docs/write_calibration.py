"""Simulate the tables of docs/calibration.md and write the page: `python docs/write_calibration.py [TABLE...]`.

Without a name all tables are made, which takes some minutes; with names those alone, and the rows of the others stay as
they are on the page. Seeds are fixed, so a table that nothing has changed comes out as it was.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(names: list[str]) -> None:
    """Make the named tables, or all, and write the page."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
    from calibration.page import PAGE, SECTIONS, render, stored_rows

    known = [section.name for section in SECTIONS]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no table is called {unknown[0]!r}; there are {', '.join(known)}")
    rows = stored_rows()
    for section in SECTIONS:
        if section.name in names or not names or section.name not in rows:
            start = time.perf_counter()
            rows[section.name] = [section.row(world) for world in section.worlds]
            print(f"{section.name}: {len(section.worlds)} rows in {time.perf_counter() - start:.0f} s", flush=True)
    PAGE.write_text(render(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
