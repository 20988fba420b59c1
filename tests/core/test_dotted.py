"""Dotted paths into tables and lists."""

from __future__ import annotations

from bench.core.dotted import ABSENT, flatten, value_at

TABLE = {"a": {"b": [1, {"c": 2}], "d": None}, "e": 3}


def test_a_path_leads_through_tables_and_lists() -> None:
    assert value_at(TABLE, "e") == 3
    assert value_at(TABLE, "a.b.1.c") == 2
    assert value_at(TABLE, "a.d") is None


def test_what_is_not_there_is_absent() -> None:
    for path in ("x", "a.x", "a.b.2", "a.b.x", "e.f", "a.d.x"):
        assert value_at(TABLE, path) is ABSENT, path


def test_nested_tables_become_paths() -> None:
    assert flatten(TABLE, "t") == {"t.a.b": [1, {"c": 2}], "t.a.d": None, "t.e": 3}
