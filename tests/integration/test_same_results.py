"""Today's code gives the results that are stored: each suite in miniature, its own method, two seeds. No network.

`tests/helpers/same_results.py COMMIT` compares more, with the code of a commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.core.builtin import builtin_root
from bench.running.original import find_original
from bench.running.reproduce import reproduce
from bench.running.settings import RunSettings
from bench.suites.resolve import builtin_suites, load_suite, resolve

pytestmark = pytest.mark.integration
JUDGE_TOLERANCE = 1e-6
"""How far scores by a trained judge may move. A judge is made once a machine and kept, by however many threads the run
had that made it; the model it judges is not touched by that."""
CELLS = [(suite, seed) for suite in builtin_suites() for seed in (0, 1)]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize(("suite", "seed"), CELLS)
def test_a_stored_result_comes_out_again(suite: str, seed: int, tmp_path: Path) -> None:
    config = resolve(load_suite(suite), profile="tiny")
    original = find_original(f"{suite}/tiny/{config.method_name}#{seed}", roots=[builtin_root("baselines")])
    assert original.record.config.key == config.key
    again = reproduce(original, RunSettings(device="cpu", offline=True), keep=tmp_path)
    assert again.record.config == config
    # Decided before anything is computed, so equal on every machine.
    assert (again.hashes["initial_trainable"], again.hashes["batch_order"]) == (True, True)
    if again.elsewhere:  # other packages or processor features: a score may move by its noise
        assert again.outcome in ("bitwise", "within noise"), again.why
        return
    assert all(again.hashes.values()), again.hashes
    assert again.departure is None  # every step's loss is equal
    same_judge = original.record.judge == again.record.judge
    for score in again.scores:
        assert score.again == (score.recorded if same_judge else pytest.approx(score.recorded, abs=JUDGE_TOLERANCE))
