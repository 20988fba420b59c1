"""Files of every schema version: what was stored once keeps loading.

`tests/schemas` holds a record and a baseline of each version. Those of version 1 come from the baseline that the first
release kept of `sentiment_sst2`, cut to two seeds and two metrics' statistics. They are never written again; a new
version adds files.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.comparing.summary import summarize
from bench.comparing.verification import verify
from bench.core.errors import InputError
from bench.core.files import canonical_json
from bench.records import record
from bench.records.baselines import Baseline
from bench.records.record import RunRecord
from bench.records.store import StoredBaseline, read_record

SCHEMAS = Path(__file__).parent / "schemas"
RECORD_VERSIONS = range(1, record.SCHEMA_VERSION + 1)
BASELINE_VERSIONS = RECORD_VERSIONS


@pytest.mark.parametrize("version", RECORD_VERSIONS)
def test_records_of_every_version_load_whole(version: int) -> None:
    path = SCHEMAS / f"record-{version}.json"
    loaded = read_record(path)
    assert loaded.schema_version == version
    again = RunRecord.model_validate_json(canonical_json(loaded.model_dump(mode="json")))
    assert again == loaded
    assert summarize([loaded]).primary.after.value == loaded.scores[loaded.config.primary_metric].value


@pytest.mark.parametrize("version", BASELINE_VERSIONS)
def test_baselines_of_every_version_load_whole(version: int) -> None:
    path = SCHEMAS / f"baseline-{version}.json"
    loaded = StoredBaseline(path=path).baseline
    assert loaded.schema_version == version
    assert [one.seed for one in loaded.records()] == [0, 1]
    assert set(StoredBaseline(path=path).statistics) == {0, 1}
    assert (StoredBaseline(path=path).losses == {}) == (version == 1)
    assert Baseline.model_validate_json(canonical_json(loaded.model_dump(mode="json"))) == loaded


def test_the_first_baseline_still_verifies_though_configs_know_more_keys_today(tmp_path: Path) -> None:
    path = tmp_path / "sentiment_sst2" / "tiny" / "frozen_body.json"
    path.parent.mkdir(parents=True)
    for ending in (".json", ".safetensors"):
        shutil.copy(SCHEMAS / f"baseline-1{ending}", path.with_suffix(ending))
    assert StoredBaseline(path=path).baseline.config.key != StoredBaseline(path=path).baseline.config_key
    checked = verify(StoredBaseline(path=path))
    assert (checked.problems, checked.n_values, checked.skipped) == ((), 4, ())


def test_what_version_1_did_not_know_is_empty() -> None:
    first = read_record(SCHEMAS / "record-1.json")
    assert (first.evaluations, first.controls, first.judge, first.data.near_duplicates) == ((), {}, None, None)
    old = StoredBaseline(path=SCHEMAS / "baseline-1.json").baseline
    assert (old.noise, old.promoted_by, old.waived, old.replaces_sha256) == (None, None, (), None)


def read_baseline(path: Path) -> Baseline:
    return StoredBaseline(path=path).baseline


@pytest.mark.parametrize(("kind", "load"), [("record", read_record), ("baseline", read_baseline)])
def test_a_future_version_is_refused_with_the_versions_that_are_read(kind: str, load: object, tmp_path: Path) -> None:
    values = json.loads((SCHEMAS / f"{kind}-1.json").read_text(encoding="utf-8"))
    file = tmp_path / f"{kind}.json"
    file.write_text(json.dumps(values | {"schema_version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match=r"schema_version is 99, this bench reads 1 to \d"):
        load(file)  # type: ignore[operator]
