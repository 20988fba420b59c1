"""A whole study on runs that cost nothing: what is tried, chosen, compared, remembered and reported."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_record
from filelock import FileLock, Timeout
from study_fakes import RATE, Runs, accuracy, study

from bench.config import SuiteConfig
from bench.core.errors import DeviceError, InputError, SourceError, TrainingError
from bench.core.locks import hold
from bench.experiments.study import plan_study, run_study
from bench.experiments.study.budget import measured
from bench.experiments.study.config import Budget
from bench.experiments.study.result import StudyResult, row_of, word_of
from bench.records.record import Cost
from bench.records.store import run_folder
from bench.reports.study import values_of, write_report
from bench.reports.study.markdown import render
from bench.running.settings import RunSettings

BOTH = {"full": {"training.learning_rate": RATE}, "head_only": {"training.learning_rate": RATE}}


def done(root: Path, runs: Runs | None = None, *, retry_failed: bool = False, **changes: Any) -> StudyResult:
    return run_study(
        study(**changes), settings=RunSettings(runs_root=root), run_one=runs or Runs(), retry_failed=retry_failed
    )


def test_trials_see_validation_rows_and_final_runs_test_rows(tmp_path: Path) -> None:
    runs = Runs()
    done(tmp_path, runs, trials=12)
    assert len(runs.trials) == 2 * 12
    assert {seed for config, seed in runs.seen if config.scored_split == "validation"} == {1000}
    assert {seed for _, seed in runs.finals} == {0, 1, 2}
    assert len({config.key for config, _ in runs.finals}) == 4
    assert {config.training.steps for config, _ in runs.seen} == {50}


def test_every_method_gets_as_many_trials_the_default_first_and_the_best_is_chosen(tmp_path: Path) -> None:
    result = done(tmp_path, trials=12)
    for one in result.methods:
        assert len(one.trials) == 12
        assert one.trials[0].settings == {}
        values = [trial.value for trial in one.trials if trial.value is not None]
        assert one.best is not None
        assert one.best.value == max(values) > values[0]
        assert one.tuned is not None
        assert one.tuned.config.training.learning_rate == one.best.settings["training.learning_rate"]
        assert one.default is not None
        assert one.default.config.training.learning_rate == 1e-3


def test_lower_may_be_better(tmp_path: Path) -> None:
    result = done(tmp_path, select={"metric": "loss"})
    assert result.study.metrics == ("loss", "accuracy")
    assert [one.best.number for one in result.methods if one.best] == [0, 0]  # every loss is the same: the first stays


def test_the_tuned_and_the_default_are_compared_in_fair_pairs(tmp_path: Path) -> None:
    result = done(tmp_path, trials=12)
    full, head = (result.comparisons[name] for name in ("full", "head_only"))
    assert full.defaults is None
    assert full.tuned is None
    for table, names in (
        (full.tuned_and_default, ("full, default", "full, tuned")),
        (head.tuned_and_default, ("head_only, default", "head_only, tuned")),
        (head.defaults, ("full, default", "head_only, default")),
        (head.tuned, ("full, tuned", "head_only, tuned")),
    ):
        assert table is not None
        assert (table.b.name, table.a.name) == names
        row = row_of(table, "accuracy")
        assert row is not None
        assert row.difference is not None
        assert row.p_adjusted is not None
        assert row.p_adjusted >= row.difference.p_value
        assert table.waived == ()


def test_a_word_follows_the_corrected_p(tmp_path: Path) -> None:
    row = row_of(done(tmp_path, trials=12).comparisons["full"].tuned_and_default, "accuracy")
    assert row is not None
    assert word_of(replace(row, p_adjusted=0.049)) == row.outcome == "better"
    assert word_of(replace(row, p_adjusted=0.05)) == "not told apart"


def test_the_same_command_runs_nothing_again(tmp_path: Path) -> None:
    first = done(tmp_path, trials=6)
    again = Runs()
    second = done(tmp_path, again, trials=6)
    assert again.seen == []
    assert values_of(second) == values_of(first)


def test_a_study_that_was_cut_off_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = values_of(done(tmp_path / "whole", trials=6))

    class CutOff(Runs):
        def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
            if len(self.seen) == 7:
                raise KeyboardInterrupt
            return super().__call__(config, seed, root)

    with pytest.raises(KeyboardInterrupt):
        done(tmp_path / "cut", CutOff(), trials=6)
    rest = Runs()
    assert without_places(values_of(done(tmp_path / "cut", rest, trials=6))) == without_places(whole)
    n_runs = 2 * 6 + 4 * 3
    assert len(rest.seen) == n_runs - 7


def without_places(values: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(values)
    kept: dict[str, Any] = json.loads(text)
    for method in kept["methods"].values():
        for final in ("default", "tuned"):
            method[final].pop("folder")
    return kept


def test_more_trials_and_another_method_keep_what_was_run(tmp_path: Path) -> None:
    done(tmp_path, trials=4)
    more = Runs()
    done(tmp_path, more, trials=6, methods=BOTH | {"freeze_attention": {"training.learning_rate": RATE}})
    names = [config.method_name for config in more.trials]
    assert {name: names.count(name) for name in names} == {"full": 2, "head_only": 2, "freeze_attention": 6}


class Diverging(Runs):
    """Runs that fail above a learning rate, each in another way."""

    errors: tuple[Exception, ...] = (TrainingError("step 3: the loss is nan"), ValueError("shapes do not fit"))

    def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
        if config.training.learning_rate > 2e-3:
            self.seen.append((config, seed))
            raise self.errors[len(self.seen) % len(self.errors)]
        return super().__call__(config, seed, root)


def test_a_failed_trial_counts_and_is_not_tried_again(tmp_path: Path) -> None:
    result = done(tmp_path, Diverging(), trials=8)
    failed = [trial for one in result.methods for trial in one.trials if trial.failure is not None]
    assert {trial.failure for trial in failed} == {"step 3: the loss is nan", "shapes do not fit"}
    assert all(len(one.trials) == 8 and 0 < one.n_failed < 7 for one in result.methods)
    assert all(one.tuned is not None for one in result.methods)
    assert result.failures == ()
    again = Diverging()
    assert values_of(done(tmp_path, again, trials=8)) == values_of(result)
    assert again.seen == []
    retried = Diverging()
    done(tmp_path, retried, trials=8, retry_failed=True)
    assert len(retried.seen) == len(failed)
    assert "Failed" in render(result)


def test_a_method_whose_every_trial_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    class HeadFails(Runs):
        def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
            if config.method.kind == "head_only":
                raise TrainingError("the loss is nan")
            return super().__call__(config, seed, root)

    result = done(tmp_path, HeadFails())
    assert result.failures == ("head_only: every trial failed; the first: the loss is nan",)
    assert result.methods[1].finals == ()
    assert result.methods[0].tuned is not None
    text = render(result)
    assert "Every trial of `head_only` failed" in text
    assert values_of(result)["methods"]["head_only"]["best_of_k"] == []


def test_a_final_run_that_fails_is_named(tmp_path: Path) -> None:
    class SeedFails(Runs):
        def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
            if seed == 1:
                raise TrainingError("the loss is nan")
            return super().__call__(config, seed, root)

    result = done(tmp_path, SeedFails(), methods={"full": BOTH["full"]})
    assert set(result.failures) == {"full, seed 1: the loss is nan"}
    default = result.methods[0].default
    assert default is not None
    assert default.side is not None
    assert default.side.seeds == (0, 2)


@pytest.mark.parametrize(
    ("error", "kind"), [(InputError("no such module"), InputError), (SourceError("x"), SourceError)]
)
def test_what_no_setting_can_mend_ends_the_study(tmp_path: Path, error: Exception, kind: type[Exception]) -> None:
    class Broken(Runs):
        def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
            raise error

    with pytest.raises(type(error), match=str(error)):
        done(tmp_path, Broken())


def test_validation_rows_that_turn_out_to_be_test_rows_are_refused(tmp_path: Path) -> None:
    same = Runs(fingerprints={"train": "a", "validation": "b", "test": "b"})
    with pytest.raises(InputError, match="the validation rows turned out to be the test rows"):
        done(tmp_path, same)


def test_data_that_changes_between_runs_is_refused(tmp_path: Path) -> None:
    done(tmp_path, trials=2)
    changed = Runs(fingerprints={"train": "a", "validation": "other", "test": "c"})
    with pytest.raises(InputError, match="runs saw different validation rows"):
        done(tmp_path, changed, trials=3)


def test_a_device_that_is_not_here_fails_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"--device cuda: .* sees no such device here"):
        run_study(study(), settings=RunSettings(runs_root=tmp_path, device="cuda"))
    assert not list(tmp_path.rglob("*.json"))


def test_a_run_is_held_while_it_runs(tmp_path: Path) -> None:
    class Held(Runs):
        def __call__(self, config: SuiteConfig, seed: int, root: Path) -> Any:
            with pytest.raises(Timeout), hold(run_folder(root, config, seed), wait=False):
                pass
            return super().__call__(config, seed, root)

    assert done(tmp_path, Held(), trials=2).failures == ()


def test_a_setting_that_comes_twice_is_a_trial_and_costs_nothing(tmp_path: Path) -> None:
    runs = Runs()
    rates = {"full": {"training.learning_rate": {"choices": [1e-4, 1e-2]}}}
    (full,) = done(tmp_path, runs, methods=rates, trials=8).methods
    assert (len(full.trials), len(runs.trials)) == (8, 3)
    assert full.spent_on_trials.wall_time_s == pytest.approx(3 * 1.5)


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    with FileLock(tmp_path / "studies" / "tryout.lock"), pytest.raises(InputError, match="is running already"):
        done(tmp_path)


# --- budgets ---------------------------------------------------------------------------------------------------------


def test_a_budget_of_tokens_becomes_steps_that_batch_sizes_share_fairly(tmp_path: Path) -> None:
    runs = Runs(score=lambda config, seed: 0.7 + 0.001 * config.training.batch_size)
    sizes = {"full": {"training.batch_size": {"choices": [4, 32]}}}
    result = done(tmp_path, runs, budget={"tokens": 16_000}, methods=sizes, trials=6)
    tried = {t.config.training.batch_size: t.config.training.steps for t in result.methods[0].trials if t.config}
    assert tried == {size: 16_000 // (25 * size) for size in (4, 16, 32)}  # 25 tokens an example, and 16 by default
    assert result.allowed == ("training.steps", "training.batch_size")
    table = result.comparisons["full"].tuned_and_default
    assert table is not None
    assert {mismatch.field for mismatch in table.waived} == {"training.steps", "training.batch_size"}
    assert table.is_comparable
    assert "allowed to differ" in render(result)
    rate = result.methods[0].trials[0].rate
    assert rate is not None
    assert rate.n_tokens == 20 * 16 * 25


def test_a_rate_is_measured_once_for_each_configuration_that_needs_one(tmp_path: Path) -> None:
    runs = Runs()
    done(tmp_path, runs, budget={"seconds": 2.0})
    probes = [(config.method_name, config.training.steps) for config in runs.trials if config.training.steps != 200]
    # A hundredth of a second a step: 20 steps are a tenth of the budget, so the next run has four times as many.
    assert probes == [("full", 20), ("full", 80), ("head_only", 20), ("head_only", 80)]
    assert {config.training.steps for config, _ in runs.finals} == {200}
    again = Runs()
    done(tmp_path, again, budget={"seconds": 2.0})
    assert again.seen == []
    ledger = json.loads((tmp_path / "studies" / "tryout.json").read_text(encoding="utf-8"))
    assert len(ledger["rates"]) == 2


@pytest.mark.parametrize(
    ("seconds", "setup_s", "step_s", "expected"),
    [
        (4.0, 0.3, 0.001, [20, 80, 320, 1280]),  # setting up hides the steps until there are many
        (100.0, 0.0, 0.01, [20, 2500]),  # a quarter of the budget at once
        (0.5, 0.1, 0.01, [20, 20]),  # long enough at once, but the first run may be slow for other reasons
    ],
)
def test_what_is_measured_grows_to_a_part_of_the_budget(
    seconds: float, setup_s: float, step_s: float, expected: list[int]
) -> None:
    cost, probed = make_record().cost, list[int]()

    def probe(n_steps: int) -> Cost:
        probed.append(n_steps)
        return cost.model_copy(update={"stages_s": {"training": setup_s + step_s * n_steps}})

    n_steps, last = measured(Budget(seconds=seconds), probe)
    assert probed == expected
    assert n_steps == expected[-1]
    assert 0.2 * seconds <= last.stages_s["training"] <= seconds


def test_a_budget_below_one_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a budget of 10 tokens is less than one step of full"):
        done(tmp_path, budget={"tokens": 10})


# --- warnings, plan and report ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"methods": {"full": BOTH["full"], "head_only": {}}}, "full was tuned and head_only was not"),
        ({"methods": {"full": BOTH["full"]}}, "full is held only against its own default"),
        ({"trials": 1}, "no method was tuned"),
        ({"seeds": [0, 1]}, "the final runs are of 2 seed(s)"),
        ({}, None),
    ],
)
def test_an_unfair_comparison_is_said_to_be_one(tmp_path: Path, changes: dict[str, Any], warning: str | None) -> None:
    result = done(tmp_path, **changes)
    assert [warning in said for said in result.warnings] == ([] if warning is None else [True])
    assert ("**Beware**" in render(result)) == (warning is not None)


def test_tuned_beside_untuned_is_not_called_like_beside_like(tmp_path: Path) -> None:
    text = render(done(tmp_path / "one", methods={"full": BOTH["full"], "head_only": {}}))
    assert re.search(r"\| `head_only` .*\| best found, not both tuned +\|", text)
    assert "is not fair to the side that was not tuned" in text
    assert "4 a method, its default settings among them; the default alone for `head_only`" in text
    assert "not both tuned" not in render(done(tmp_path / "both"))


def test_the_plan_counts_runs_and_scales_stored_times(tmp_path: Path) -> None:
    assert {one.run_time_s for one in plan_study(study(), runs_root=tmp_path)} == {None}
    done(tmp_path)
    full, head = plan_study(study(trials=6, budget={"steps": 500}), runs_root=tmp_path)
    assert (full.n_trial_runs, full.n_final_runs, full.n_runs) == (6, 6, 12)
    assert full.run_time_s == pytest.approx(1.0 + 0.01 * 500)
    assert head.time_s == pytest.approx(12 * 6.0)
    (tokens, _) = plan_study(study(budget={"tokens": 25 * 16 * 100}), runs_root=tmp_path)
    assert tokens.run_time_s == pytest.approx(1.0 + 0.01 * 100)
    (seconds, _) = plan_study(study(budget={"seconds": 8}), runs_root=tmp_path)
    assert seconds.run_time_s == pytest.approx(1.0 + 8)


def test_the_report_is_the_same_for_the_same_runs(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        path = write_report(done(tmp_path / "runs", trials=6), reports_root=tmp_path / name)
        assert path.name == "imdb-tiny-study-tryout.md"
        written = sorted(path.parent.iterdir())
        assert [file.suffix for file in written] == [".svg", ".json", ".md"]
        files.append([file.read_bytes() for file in written])
    assert files[0] == files[1]
    text = files[0][2].decode()
    for heading in ("What ran", "Default and tuned", "Against full", "Chosen settings", "Best of k trials", "Run it"):
        assert f"## {heading}" in text
    values = json.loads(files[0][1])
    trials = [trial["value"] for trial in values["methods"]["full"]["trials"]]
    assert values["methods"]["full"]["best_of_k"][-1] == pytest.approx(max(trials))
    assert values["methods"]["full"]["tuned"]["scores"]["0"]["accuracy"] == pytest.approx(
        accuracy(study().config("full", values["methods"]["full"]["chosen_settings"], steps=50, on_validation=False), 0)
    )
