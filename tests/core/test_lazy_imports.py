"""Asking for help must not cost seconds: the heavy libraries are imported where they are used."""

from __future__ import annotations

import pytest
from processes import HEAVY, clean_env, run_python


@pytest.mark.parametrize(
    "code",
    [
        "import bench",
        "import bench.cli.app",
        "import bench.comparing.summary, bench.comparing.claims, bench.records.baselines, bench.reports.run",
        "from bench.suites.resolve import *; [resolve(load_suite(n), profile='tiny') for n in builtin_suites()]",
    ],
)
def test_heavy_libraries_stay_unloaded(code: str) -> None:
    done = run_python(f"{code}\nimport sys; print(*(n for n in {HEAVY!r} if n in sys.modules))", clean_env())
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
