"""Which stored results stand on a board, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from boards import SUITE, shipped, with_config
from factories import write_cell

from bench.comparing.leaderboard import leaderboards
from bench.comparing.leaderboard.selection import Selection, find_methods, select
from bench.comparing.side import load_side
from bench.core.errors import InputError
from bench.records.making import from_runs
from bench.records.record import RunRecord
from bench.records.store import Store, write_baseline
from bench.suites.resolve import resolve


def my_own(**changes: Any) -> RunRecord:
    """Return a record of a method that no suite names."""
    record = shipped("full", **changes)
    return with_config(record, record.config.model_copy(update={"method_name": "my_own"}))


def selected(root: Path, *named: Path, **settings: Any) -> Selection:
    sides = [load_side(folder) for folder in named]
    return select(SUITE, "tiny", Store(runs_root=root, roots=[root / "baselines"]), named=sides, **settings)


def cell(record: RunRecord, root: Path) -> Path:
    """Return the config-key folder of a record."""
    return write_cell(root, record)[0].parent


def test_each_method_stands_by_the_config_the_suite_has_now(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full", 0), shipped("full", 1), shipped("frozen_body"))
    newer = shipped("full", 0, "training.learning_rate=0.5", cost__started_at="2027-01-01T00:00:00+00:00")
    other = cell(newer, tmp_path)
    found = selected(tmp_path)
    assert [(side.name, side.seeds) for side in found.sides] == [("frozen_body", (0,)), ("full", (0, 1))]
    assert (found.reference, found.metric) == ("frozen_body", "accuracy")
    assert found.remarks == (f"another config of full is stored: {other.name}; name it with --side to see it here",)


def test_a_named_config_stands_beside_the_chosen_one(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full", 0), shipped("frozen_body"))
    other = cell(shipped("full", 0, "training.learning_rate=0.5"), tmp_path)
    found = selected(tmp_path, other)
    now = resolve(SUITE, profile="tiny", method="full").key
    assert [side.name for side in found.sides] == ["frozen_body", f"full {now}", f"full {other.name}"]
    assert found.remarks == ()


def test_a_method_the_suite_no_longer_has_so_stands_by_its_newest_config(tmp_path: Path) -> None:
    old = shipped("full", 0, "training.learning_rate=0.5", cost__started_at="2026-01-01T00:00:00+00:00")
    new = shipped("full", 0, "training.learning_rate=0.4", cost__started_at="2026-03-01T00:00:00+00:00")
    write_cell(tmp_path, old, new)
    found = selected(tmp_path)
    assert [side.config.key for side in found.sides] == [new.config_key]
    assert found.remarks[0] == f"full is not as the suite has it now: it is shown as config {new.config_key}"
    assert old.config_key in found.remarks[1]
    assert found.reference is None


def test_a_method_that_the_suite_does_not_know_stands_too(tmp_path: Path) -> None:
    write_cell(tmp_path, my_own(), shipped("frozen_body"))
    found = selected(tmp_path)
    assert [side.name for side in found.sides] == ["frozen_body", "my_own"]
    assert found.remarks == ()


def test_a_users_own_method_stands_by_its_newest_config_that_fits_the_others(tmp_path: Path) -> None:
    def on(day: str, **update: Any) -> RunRecord:
        record = my_own(cost__started_at=f"2026-01-{day}T00:00:00+00:00")
        return with_config(record, record.config.model_copy(update=update))

    training = my_own().config.training
    longer = on("05", training=training.model_copy(update={"epochs": 7, "steps": None}))
    older, newer = on("01"), on("02", training=training.model_copy(update={"learning_rate": 0.5}))
    trial = on("04", scored_split="validation")
    write_cell(tmp_path, older, newer, trial, longer, shipped("frozen_body"))
    found = selected(tmp_path)
    assert [side.config.key for side in found.sides] == [shipped("frozen_body").config_key, newer.config_key]
    assert found.apart == ()
    assert len(found.remarks) == 1


def test_a_result_on_the_validation_rows_is_no_result_on_the_test_rows(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full"), shipped("frozen_body"))
    trial = cell(shipped("full", 0, "scored_split=validation"), tmp_path)
    assert [m.field for m in selected(tmp_path, trial).apart[0].mismatches] == ["scored_split"]


@pytest.mark.parametrize(("n_runs", "kind"), [(1, "baseline"), (2, "runs"), (3, "runs")])
def test_of_runs_and_baseline_the_one_with_more_seeds_stands(tmp_path: Path, n_runs: int, kind: str) -> None:
    earlier = write_cell(tmp_path / "earlier", shipped("full", 0), shipped("full", 1))
    write_baseline(*from_runs(earlier, reason="r"), root=tmp_path / "baselines")
    write_cell(tmp_path, *(shipped("full", seed) for seed in range(n_runs)))
    (side,) = selected(tmp_path).sides
    assert (side.kind, len(side.seeds)) == (kind, max(n_runs, 2))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data__fingerprint": "e" * 64}, "data.fingerprint"),
        ({"model__base": "another@1"}, "model.base"),
        ({"scores__accuracy__signature": "accuracy|v:2"}, "metrics.accuracy.signature"),
        ({"scores__accuracy__n_examples": 7}, "metrics.accuracy.n_examples"),
    ],
)
def test_what_is_unlike_the_default_method_stands_apart(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    write_cell(tmp_path, shipped("full", **changes), shipped("lora", **changes), shipped("frozen_body"))
    found = selected(tmp_path)
    assert [side.name for side in found.sides] == ["frozen_body"]
    assert [(one.side.name, [m.field for m in one.mismatches]) for one in found.apart] == [
        ("full", [field]),
        ("lora", [field]),
    ]


def test_a_config_of_another_budget_stands_apart_and_never_in_the_table(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full"), shipped("frozen_body"))
    longer = cell(shipped("lora", 0, "training.epochs=7"), tmp_path)
    found = selected(tmp_path)
    assert [one.side.config.key for one in found.apart] == [longer.name]
    assert "training.epochs" in [m.field for m in found.apart[0].mismatches]


def test_without_the_default_method_the_many_are_the_board(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full", model__base="another@1"), shipped("lora"), my_own())
    found = selected(tmp_path)
    assert [side.name for side in found.sides] == ["lora", "my_own"]
    assert [one.side.name for one in found.apart] == ["full"]


def test_a_seed_scored_in_another_way_stands_apart(tmp_path: Path) -> None:
    odd = {"scores__accuracy__signature": "accuracy|v:2"}
    write_cell(tmp_path, shipped("full", 0), shipped("full", 1, **odd), shipped("frozen_body", 0))
    assert [one.side.name for one in selected(tmp_path).apart] == ["full"]


def test_what_cannot_be_found_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither runs nor baselines of profile tiny are stored; make runs with"):
        selected(tmp_path)
    full = cell(shipped("full"), tmp_path)
    with pytest.raises(InputError, match="no stored result scored 'acuracy'; did you mean 'accuracy'"):
        selected(tmp_path, metric="acuracy")
    places: dict[str, Any] = {"runs_root": tmp_path, "roots": [tmp_path / "baselines"]}
    with pytest.raises(InputError, match=r"no suite has results of two methods or more"):
        leaderboards(**places)
    with pytest.raises(InputError, match="profile 'tny' is not known; did you mean 'tiny'"):
        leaderboards(["sentiment_sst2"], profile="tny", **places)
    write_cell(tmp_path, shipped("full", profile="offline"), shipped("lora", profile="offline"))
    with pytest.raises(InputError, match=r"--side .*: it is of sentiment_sst2 tiny, and the leaderboards are"):
        leaderboards(["sentiment_sst2"], profile="offline", named=[str(full)], **places)


def test_suites_and_profiles_with_two_methods_are_found(tmp_path: Path) -> None:
    write_cell(tmp_path, shipped("full"), shipped("lora"), shipped("full", profile="offline"))
    places: dict[str, Any] = {"runs_root": tmp_path, "roots": [tmp_path / "baselines"]}
    assert list(find_methods("sentiment_sst2", "tiny", Store(**places))) == ["full", "lora"]
    assert [board.selection.profile for board in leaderboards(**places)] == ["tiny"]
    assert [board.selection.profile for board in leaderboards(["sentiment_sst2"], profile="offline", **places)] == [
        "offline"
    ]
