"""Documented claims: the files that suites bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.comparing.claims import Documented, departures
from bench.comparing.claims.review import load_documented
from bench.config import SuiteConfig
from bench.core.builtin import builtin_root
from bench.core.errors import InputError
from bench.records.store import DOCUMENTED_FILE, Store
from bench.suites.resolve import builtin_suites, load_suite, resolve


def all_documented() -> list[Documented]:
    files = sorted(builtin_root("baselines").glob(f"*/{DOCUMENTED_FILE}"))
    return [Documented.model_validate_json(file.read_text(encoding="utf-8")) for file in files]


def test_every_recipe_file_loads_under_its_folder_name() -> None:
    names = [file.parent.name for file in sorted(builtin_root("baselines").glob(f"*/{DOCUMENTED_FILE}"))]
    assert [one.suite for one in all_documented()] == names
    assert {"sentiment_sst2", "summarization"} <= set(names)


@pytest.fixture(params=all_documented(), ids=lambda one: one.suite)
def shipped(request: pytest.FixtureRequest) -> Documented:
    one: Documented = request.param
    if one.suite not in builtin_suites():
        pytest.skip(f"suites/{one.suite} is not there")
    return one


def test_the_documented_profile_is_the_recipe_and_the_others_are_not(shipped: Documented) -> None:
    file = load_suite(shipped.suite)
    assert departures(shipped, resolve(file, profile="documented")) == ()
    for profile in set(file.profiles) - {"documented"}:
        assert f"profile is {profile}, the recipe's is documented" in departures(
            shipped, resolve(file, profile=profile)
        )


def _evaluated(config: SuiteConfig) -> set[str]:
    """Return what the run will have along the way."""
    if config.training.evaluate_every_steps is None:
        return set()
    return {"train_loss", *(config.training.evaluate_metrics or (config.primary_metric,))}


def test_claims_name_only_what_the_suite_measures(shipped: Documented) -> None:
    config = resolve(load_suite(shipped.suite), profile="documented")
    there = {
        "scores": set(config.metrics),
        "scores_before": set(config.metrics),
        "evaluations": _evaluated(config),
    }
    for claim in shipped.claims:
        for address in claim.addresses:
            block, _, name = address.partition(".")
            if block in there:
                assert name.partition("@")[0].partition("[")[0] in there[block], address
            if block == "stability":
                assert config.primary_metric in _evaluated(config)
        if claim.kind == "ordering":
            assert set(claim.methods) <= set(load_suite(shipped.suite).methods("documented"))


def test_a_broken_file_names_the_place(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment_sst2"
    folder.mkdir()
    (folder / "documented.json").write_text('{"suite": "sentiment_sst2", "recipe": "r", "fixed": {}, "claim": []}')
    with pytest.raises(InputError, match=r"documented\.json: claims: Field required"):
        load_documented("sentiment_sst2", Store(roots=[tmp_path]))
    (folder / "documented.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_documented("sentiment_sst2", Store(roots=[tmp_path]))
    assert load_documented("nothing", Store(roots=[tmp_path])) is None
