"""The hub sources against the real clients and a loopback hub, each call in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub import repositories
from hub.server import Hub, Repository
from processes import HubServer, run_python

_MODEL = {"kind": "hub", "id": repositories.DISTILBERT[0], "revision": repositories.DISTILBERT[1]}
_ROWS = {"kind": "hub", "id": repositories.SST2[0], "revision": repositories.SST2[1], "split": "train"}
_NEWS = {"kind": "hub", "id": repositories.CNN_DAILYMAIL[0], "revision": repositories.CNN_DAILYMAIL[1],
         "config": "3.0.0", "split": "train"}  # fmt: skip
_OTHER_REVISION = "f" * 40
_DEAD = "http://127.0.0.1:9"

_START = (
    "import json, sys\n"
    "from bench.config import HubSource\n"
    "from bench.core.errors import SourceError\n"
    "from bench.materials.sources import fetch, is_cached, is_hub_reachable, load_rows\n"
    "source = HubSource.model_validate_json({source!r})\n"
    "try:\n"
    "    print(json.dumps({expression}, default=str))\n"
    "except SourceError as error:\n"
    "    sys.exit(f'SourceError: {{error}}')\n"
)


@pytest.fixture
def hub(hub_server: HubServer) -> Iterator[Hub]:
    """The loopback hub with an empty request log; repositories a test adds or replaces are put back."""
    hub, before = hub_server.hub, dict(hub_server.hub.repositories)
    hub.requests.clear()
    yield hub
    hub.repositories.clear()
    hub.repositories.update(before)


@pytest.fixture
def env(hub_server: HubServer, tmp_path: Path) -> dict[str, str]:
    """An environment with empty caches that points at the loopback hub."""
    return hub_server.fresh_env(tmp_path)


def _run(source: dict[str, str], expression: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run_python(_START.format(source=json.dumps(source), expression=expression), env)


def _value(source: dict[str, str], expression: str, env: dict[str, str]) -> Any:
    done = _run(source, expression, env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress bars and no warnings"
    return json.loads(done.stdout)


def _failure(source: dict[str, str], expression: str, env: dict[str, str]) -> str:
    done = _run(source, expression, env)
    assert done.returncode == 1, done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("SourceError: hub:"), done.stderr
    assert "Traceback" not in done.stderr
    return last


_FETCH = "[fetch(source).identity, sorted(file.name for file in fetch(source).files)]"


# --- models ----------------------------------------------------------------------------------------------------------


def test_a_model_is_fetched_at_its_pin_and_then_needs_no_hub(hub: Hub, env: dict[str, str]) -> None:
    assert _value(_MODEL, "is_cached(source)", env) is False
    identity, names = _value(_MODEL, _FETCH, env)
    assert identity == f"hub:{_MODEL['id']}@{_MODEL['revision']}"
    assert {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"} <= set(names)
    assert all(_MODEL["revision"] in request.path for request in hub.requests if request.path != "/")
    hub.requests.clear()
    offline = "[is_cached(source), fetch(source, offline=True).identity]"
    assert _value(_MODEL, offline, env) == [True, identity]
    assert _value(_MODEL, offline, env | {"HF_ENDPOINT": _DEAD}) == [True, identity]
    assert hub.requests == []


def test_offline_without_a_cache_names_the_way_out(hub: Hub, env: dict[str, str]) -> None:
    for source, call in ((_MODEL, "fetch(source, offline=True)"), (_ROWS, "load_rows(source, offline=True)")):
        message = _failure(source, call, env)
        assert "not in the Hub client's cache" in message
        assert "bench fetch" in message
        assert "--profile offline" in message
    assert hub.requests == []


def test_an_unreachable_hub_is_named(env: dict[str, str]) -> None:
    for source, call in ((_MODEL, "fetch(source)"), (_ROWS, "list(load_rows(source))")):
        message = _failure(source, call, env | {"HF_ENDPOINT": _DEAD})
        assert "127.0.0.1:9 cannot be reached" in message
        assert "--profile offline` needs no hub" in message


def test_the_clients_own_offline_switch_is_named(hub: Hub, env: dict[str, str]) -> None:
    for source, call in ((_MODEL, "fetch(source)"), (_ROWS, "list(load_rows(source))")):
        assert "HF_HUB_OFFLINE is set" in _failure(source, call, env | {"HF_HUB_OFFLINE": "1"})
    assert hub.requests == []


def test_reachability_is_asked_of_the_configured_hub(hub: Hub, env: dict[str, str]) -> None:
    assert _value(_MODEL, "is_hub_reachable()", env) is True
    assert _value(_MODEL, "is_hub_reachable()", env | {"HF_ENDPOINT": _DEAD}) is False
    assert _value(_MODEL, "is_hub_reachable()", env | {"HF_HUB_OFFLINE": "1"}) is False
    with hub.breaking("status 501"):
        assert _value(_MODEL, "is_hub_reachable()", env) is False


@pytest.mark.parametrize(("source", "call"), [(_MODEL, "fetch(source)"), (_ROWS, "list(load_rows(source))")])
def test_the_hubs_refusals_are_told_apart(hub: Hub, env: dict[str, str], source: dict[str, str], call: str) -> None:
    assert "not this revision" in _failure(source | {"revision": _OTHER_REVISION}, call, env)
    assert "no such repository" in _failure(source | {"id": "nobody/nothing"}, call, env)
    kind = "dataset" if "split" in source else "model"
    hub.add(replace(hub.repositories[(kind, source["id"])], gated=True))
    assert "accept its terms" in _failure(source, call, env)


def test_a_server_error_is_reported_with_its_status(hub: Hub, env: dict[str, str]) -> None:
    with hub.breaking("status 501"):
        assert "status 501" in _failure(_MODEL, "fetch(source)", env)


def test_a_model_that_arrives_broken_is_refused_and_not_kept(hub: Hub, env: dict[str, str]) -> None:
    with hub.breaking("truncated"):
        assert "cut short" in _failure(_MODEL, "fetch(source)", env)
    with hub.breaking("wrong bytes"):
        assert "model.safetensors did not match the hash" in _failure(_MODEL, "fetch(source)", env)
    assert _value(_MODEL, "fetch(source).identity", env)


def test_a_model_damaged_in_the_cache_is_mended_online_and_refused_offline(hub: Hub, env: dict[str, str]) -> None:
    _value(_MODEL, _FETCH, env)
    weights = next(Path(env["HF_HUB_CACHE"]).rglob("snapshots/*/model.safetensors")).resolve()
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    _value(_MODEL, _FETCH, env)
    assert weights.read_bytes() == good
    weights.write_bytes(b"rubbish")
    assert "did not match the hash" in _failure(_MODEL, "fetch(source, offline=True)", env)
    _value(_MODEL, _FETCH, env)
    assert weights.read_bytes() == good


# --- datasets --------------------------------------------------------------------------------------------------------


def test_rows_arrive_in_order_and_then_need_no_hub(hub: Hub, env: dict[str, str]) -> None:
    expected = repositories.sentiment_rows(256, seed=1)
    assert _value(_ROWS, "list(load_rows(source))", env) == expected
    hub.requests.clear()
    assert _value(_ROWS, "[is_cached(source), list(load_rows(source, offline=True))]", env) == [True, expected]
    assert _value(_ROWS | {"split": "validation"}, "list(load_rows(source))", env) == repositories.sentiment_rows(
        64, seed=2, first_index=256
    )
    assert hub.requests == []


def test_a_configuration_is_chosen_by_name(hub: Hub, env: dict[str, str]) -> None:
    assert _value(_NEWS, "list(load_rows(source))", env) == repositories.news_rows(256, seed=4)
    assert "9.9.9" in _failure(_NEWS | {"config": "9.9.9"}, "list(load_rows(source))", env)
    assert "nosplit" in _failure(_NEWS | {"split": "nosplit"}, "list(load_rows(source))", env)


def test_another_revision_in_the_cache_never_stands_in_for_the_pinned_one(hub: Hub, env: dict[str, str]) -> None:
    """datasets falls back to the newest cached revision where the hub is silent; a pin must not."""
    _value(_ROWS, "len(load_rows(source))", env)
    other = _ROWS | {"revision": _OTHER_REVISION}
    assert "cannot be reached" in _failure(other, "list(load_rows(source))", env | {"HF_ENDPOINT": _DEAD})
    assert "not in the Hub client's cache" in _failure(other, "load_rows(source, offline=True)", env)
    with hub.breaking("status 501"):
        assert "status 501" in _failure(other, "list(load_rows(source))", env)


@pytest.mark.parametrize("breakage", ["wrong bytes", "truncated"])
def test_rows_that_arrive_broken_are_refused_and_not_kept(hub: Hub, env: dict[str, str], breakage: Any) -> None:
    with hub.breaking(breakage):
        _failure(_ROWS, "list(load_rows(source))", env)
    assert _value(_ROWS, "len(load_rows(source))", env) == 256


def test_ten_thousand_rows_are_quick(hub: Hub, env: dict[str, str], tmp_path: Path) -> None:
    full: Repository = repositories.cnn_dailymail(tmp_path / "full", n_train=10_500)
    hub.add(full)
    last = _value(_NEWS, "(lambda rows: [len(rows), rows[-1]['id']])(load_rows(source))", env)
    assert last == [10_500, f"{10_499:040x}"]


# --- the repositories themselves -------------------------------------------------------------------------------------


def test_the_served_models_load_as_documented(hub: Hub, env: dict[str, str]) -> None:
    code = (
        "from bench.config import HubSource; from bench.materials.sources import fetch\n"
        "from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer\n"
        f"pins = {[repositories.DISTILBERT, repositories.BERT, repositories.FLAN_T5]!r}\n"
        "for (id_, revision), auto in zip(pins, [AutoModelForSequenceClassification] * 2 + [AutoModelForSeq2SeqLM]):\n"
        "    path = fetch(HubSource(kind='hub', id=id_, revision=revision)).path\n"
        "    model, tokenizer = auto.from_pretrained(path), AutoTokenizer.from_pretrained(path)\n"
        "    assert len(tokenizer) == model.config.vocab_size\n"
        "    ids = tokenizer('the story was clever .')['input_ids']\n"
        "    assert tokenizer.unk_token_id not in ids and tokenizer.pad_token_id == 0, ids\n"
        "assert model.lm_head.weight is not model.shared.weight\n"
        "print('ok')\n"
    )
    done = run_python(code, env)
    assert done.stdout == "ok\n", done.stderr
