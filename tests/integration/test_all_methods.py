"""Every method of the library on every suite's tiny profile: a few steps, whole runs, reload checked. No network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from bench.core.errors import InputError
from bench.running.run import run_seed
from bench.running.settings import RunSettings
from bench.suites import library
from bench.suites.resolve import builtin_suites

pytestmark = pytest.mark.integration
FEWER = ("training.steps=4", "training.batch_size=4", "training.save=trainable")
AND_FEWER = {
    "summarization": ("data.test={start=20, stop=24}", "task.max_new_tokens=6", "task.short_new_tokens=4"),
    "imdb": ("training.evaluate_every_steps=4",),
    "gulliver": ("training.evaluate_every_steps=4",),
    "alice_edgar": (
        "training.evaluate_every_steps=4",
        "task.judge.training.epochs=1",
        "task.judge.minimum_accuracy=0.01",
    ),
}
CELLS = [(suite, method) for suite in builtin_suites() for method in library.names()]
APPLY = [cell for cell in CELLS if library.why_not(cell[1], tiny.small(cell[0], method=cell[1])) is None]
DO_NOT = [cell for cell in CELLS if cell not in APPLY]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize(("suite", "method"), APPLY)
def test_a_method_that_applies_trains_and_reloads(suite: str, method: str, tmp_path: Path) -> None:
    config = tiny.small(suite, *FEWER, *AND_FEWER.get(suite, ()), method=method)
    record = run_seed(config, 0, RunSettings(device="cpu", runs_root=tmp_path))
    assert record.reload_identical
    assert record.hashes.initial_trainable != record.hashes.final_trainable
    assert 0 < record.model.trainable_share <= 1
    assert (record.model.trainable_share < 1) == (method != "full")


@pytest.mark.parametrize(("suite", "method"), DO_NOT)
def test_a_method_that_does_not_apply_is_refused(suite: str, method: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run_seed(tiny.small(suite, *FEWER, method=method), 0, RunSettings(device="cpu", runs_root=tmp_path))


def test_most_cells_apply_and_some_do_not() -> None:
    """The two tests above run over what the rules say; these are the cells they say."""
    assert [*DO_NOT] == [
        ("gulliver", "oft"),
        ("gulliver", "boft"),
        ("sentiment_sst2", "prefix_tuning"),
        ("summarization", "bitfit"),
    ]
