"""Rows that belong together: what is stored, compared, promoted and gated counts groups."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import means, planted_record, right, write_planted

from bench.comparing.compare import compare
from bench.comparing.flips import flips
from bench.comparing.side import Side, load_side
from bench.comparing.verification import verify
from bench.core.errors import InputError
from bench.records.making import from_runs
from bench.records.store import Store, run_folder, write_baseline, write_statistics
from bench.reports.comparison import over
from bench.statistics.groups import number_groups, sum_within

N, SIZE = 40, 4
GROUPS = number_groups([i // SIZE for i in range(N)])


def grouped(n_groups: int = N // SIZE, fingerprint: str = "g" * 64) -> dict[str, Any]:
    """Return what a record says of groups."""
    return {"data__splits__test__n_groups": n_groups, "data__splits__test__groups_fingerprint": fingerprint}


def write(root: Path, seed: int, rows: np.ndarray, **said: Any) -> Path:
    planted = {"accuracy": rows}
    folder = run_folder(root, planted_record(seed, planted, **said).config, seed)
    write_planted(folder, seed, planted, **said)
    write_statistics(folder, {"before": planted, "after": planted}, GROUPS if said else None)
    return folder.parent


def side(tmp_path: Path, name: str, n_right: int, **said: Any) -> Side:
    for seed in (0, 1):
        cell = write(tmp_path / name, seed, right(n_right + seed, N, seed=seed), **said)
    return load_side(cell)


def test_a_side_holds_the_sums_of_its_groups(tmp_path: Path) -> None:
    loaded = side(tmp_path, "a", 30, **grouped())

    rows = right(30, N, seed=0)
    assert np.array_equal(loaded.statistics[0]["accuracy"], rows.reshape(-1, SIZE, 2).sum(axis=1))


def test_the_interval_is_over_groups_and_the_scores_stay(tmp_path: Path) -> None:
    a, b = side(tmp_path, "a", 34, **grouped()), side(tmp_path, "b", 20, **grouped())
    plain_a, plain_b = side(tmp_path, "c", 34), side(tmp_path, "d", 20)

    (row,), (plain,) = compare(a, b).rows, compare(plain_a, plain_b).rows

    assert (row.a, row.b) == (plain.a, plain.b)
    assert row.difference is not None
    assert row.difference.n_examples == N // SIZE
    assert plain.difference is not None
    assert plain.difference.n_examples == N
    assert over(row).startswith("10 groups, ")
    assert over(plain).startswith("40 examples, ")


def test_groups_that_differ_are_not_comparable_and_are_named(tmp_path: Path) -> None:
    a = side(tmp_path, "a", 34, **grouped())
    for name, other in {"none": {}, "others": grouped(fingerprint="h" * 64)}.items():
        b = side(tmp_path, name, 20, **other)
        (mismatch,) = compare(a, b).mismatches
        assert (mismatch.field, mismatch.ours) == ("data.groups", f"10 groups ({'g' * 12})")

        (row,) = compare(a, b, allow=["data.groups"]).rows
        assert row.why is not None
        assert "the test rows are grouped differently, so groups cannot be paired" in row.why


def test_one_seed_a_side_has_no_mcnemar_over_groups(tmp_path: Path) -> None:
    cells = [write(tmp_path / name, 0, right(n, N, seed=0), **grouped()) for name, n in (("a", 34), ("b", 20))]
    (row,) = compare(*(load_side(cell) for cell in cells)).rows
    assert {"bootstrap", "approximate randomization"} == set(row.p_values)


def test_a_baseline_alone_knows_its_groups(tmp_path: Path) -> None:
    loaded = side(tmp_path, "a", 30, **grouped())
    cells = [run.folder for run in loaded.runs.values()]
    made, payload = from_runs(cells, reason="first", created=datetime.date(2026, 1, 2))
    write_baseline(made, payload, root=tmp_path / "baselines")
    (stored,) = Store(roots=[tmp_path / "baselines"]).baselines()

    for seed, by_metric in stored.statistics_by_group.items():
        assert np.array_equal(by_metric["accuracy"], loaded.statistics[seed]["accuracy"])
    assert stored.statistics[0]["accuracy"].shape == (N, 2)
    assert verify(stored).problems == ()
    plain, without = from_runs([side(tmp_path, "b", 30).runs[0].folder], reason="first")
    assert payload is not None
    assert without is not None
    assert plain.data.splits["test"].n_groups is None


def test_flips_are_of_rows(tmp_path: Path) -> None:
    a, b = side(tmp_path, "a", 34, **grouped()), side(tmp_path, "b", 20, **grouped())

    found = flips(a, b)

    assert not isinstance(found, str)
    assert found.n_rows == len(a.runs[0].predictions)


@pytest.mark.parametrize(("groups", "said"), [(None, grouped()), (GROUPS, {}), (GROUPS // 2, grouped())])
def test_error_groups_of_another_run(tmp_path: Path, groups: Any, said: dict[str, Any]) -> None:
    rows = {"accuracy": right(30, N)}
    folder = run_folder(tmp_path, planted_record(0, rows, **said).config, 0)
    write_planted(folder, 0, rows, **said)
    write_statistics(folder, {"before": rows, "after": rows}, groups)

    with pytest.raises(InputError, match="the two are not of one run"):
        load_side(folder)


def test_error_seeds_that_are_grouped_differently(tmp_path: Path) -> None:
    write(tmp_path, 0, right(30, N), **grouped())
    cell = write(tmp_path, 1, right(30, N), **grouped(fingerprint="h" * 64))

    with pytest.raises(InputError, match="grouped differently"):
        load_side(cell)
    with pytest.raises(InputError, match=r"data\.groups is 10 groups"):
        from_runs([cell], reason="first")


def test_false_regressions_of_clustered_rows_are_back_at_five_percent() -> None:
    """Questions on one passage, no true difference, 3 seeds a side: as many one-sided calls at 5 % as promised."""
    generator = np.random.default_rng(1)
    n, size, share, calls = 400, 10, 0.7, {"rows": 0, "groups": 0}
    groups = np.repeat(np.arange(n // size), size)
    record = {"rows": {}, "groups": grouped(n // size)}

    def liking() -> np.ndarray:
        return np.sqrt(share) * generator.normal(size=n // size)[groups] + np.sqrt(1 - share) * generator.normal(size=n)

    for _ in range(60):
        item = 1.5 * liking()
        rows = {}
        for name in ("a", "b"):
            likes = item + 1.2 * liking()
            rows[name] = {s: means(likes + 0.5 * generator.normal(size=n) > -1.2) for s in range(3)}
        for way in calls:
            taken = groups if way == "groups" else None
            a, b = (
                Side(
                    name=name,
                    records=tuple(planted_record(s, {"accuracy": r}, **record[way]) for s, r in by_seed.items()),
                    statistics={s: {"accuracy": sum_within(r, taken)} for s, r in by_seed.items()},
                    runs={},
                )
                for name, by_seed in rows.items()
            )
            (row,) = compare(replace(a), b, confidence=0.9).rows
            assert row.difference is not None
            calls[way] += row.difference.high < 0

    assert calls["rows"] >= 8  # 13 % or more
    assert calls["groups"] <= 6  # 60 at 5 % give more than 6 in 3 % of all draws
