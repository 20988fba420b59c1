from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from processes import clean_env

from bench.config import WheelSource
from bench.core.errors import InputError, SourceError
from bench.materials.sources import fetch, is_cached
from bench.materials.sources.wheel import _matches

_FILES = {
    "toy_reviews/__init__.py": "raise RuntimeError('code of a data wheel must never run')\n",
    "toy_reviews/data/rows.csv": "text,label\nfine,1\n",
    "toy_reviews/data/more.csv": "text,label\npoor,0\n",
    "toy_reviews/data/deep/hidden.csv": "text\n",
}


def _write_wheel(folder: Path, files: dict[str, str]) -> WheelSource:
    """Write toy_reviews-1.0.0, with a setup that pip accepts, and return its pin."""
    folder.mkdir(exist_ok=True)
    wheel = folder / "toy_reviews-1.0.0-py3-none-any.whl"
    info = "toy_reviews-1.0.0.dist-info"
    about = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: toy-reviews\nVersion: 1.0.0\nRequires-Dist: not-there\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in (files | about).items():
            archive.writestr(name, text)
    return WheelSource(
        kind="wheel", package="toy-reviews", version="1.0.0", files="toy_reviews/data/*.csv",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
    )  # fmt: skip


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip see one folder and nothing else, and give bench an empty cache."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return folder


def _forget(index: Path) -> None:
    for wheel in index.glob("*.whl"):
        wheel.unlink()


def test_only_matching_files_arrive_and_the_cache_serves_the_second_call(index: Path) -> None:
    source = _write_wheel(index, _FILES)
    said: list[str] = []
    assert not is_cached(source)
    got = fetch(source, announce=said.append)
    assert [file.name for file in got.files] == ["more.csv", "rows.csv"]
    assert got.path.as_posix().endswith("toy_reviews/data")
    assert got.files[1].read_text(encoding="utf-8") == _FILES["toy_reviews/data/rows.csv"]
    assert got.identity == f"wheel:toy-reviews==1.0.0#sha256:{source.sha256[:8]}"
    assert said == ["fetching wheel:toy-reviews==1.0.0 (not in the cache)"]
    assert "toy_reviews" not in sys.modules
    _forget(index)
    assert is_cached(source)
    assert fetch(source, offline=True) == got


def test_another_wheel_under_the_same_name_is_refused(index: Path) -> None:
    pinned = _write_wheel(index, _FILES)
    other = _write_wheel(index, _FILES | {"toy_reviews/data/rows.csv": "text,label\nswapped,0\n"})
    with pytest.raises(SourceError) as caught:
        fetch(pinned)
    assert pinned.sha256 in str(caught.value)
    assert other.sha256 in str(caught.value)
    assert "pip cache remove" in str(caught.value)
    assert not is_cached(pinned)


def test_a_truncated_wheel_is_a_source_error(index: Path) -> None:
    source = _write_wheel(index, _FILES)
    wheel = next(index.glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"wheel:toy-reviews==1\.0\.0"):
        fetch(source)
    assert not is_cached(source)


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "manifest"])
def test_a_damaged_cache_is_fetched_again_and_refused_offline(index: Path, damage: str) -> None:
    source = _write_wheel(index, _FILES)
    got = fetch(source)
    if damage == "changed":
        got.files[0].write_text("text,label\nforged,1\n", encoding="utf-8")
    elif damage == "removed":
        got.files[0].unlink()
    elif damage == "added":
        (got.path / "stray.csv").write_text("text\n", encoding="utf-8")
    else:
        next(index.parent.rglob("manifest.json")).write_text("{", encoding="utf-8")
    with pytest.raises(SourceError, match=r"damaged.*--offline"):
        fetch(source, offline=True)
    assert fetch(source) == got
    assert got.files[0].read_text(encoding="utf-8") == _FILES["toy_reviews/data/more.csv"]
    assert not (got.path / "stray.csv").exists()


def test_offline_without_a_cache_says_how_to_mend(index: Path) -> None:
    with pytest.raises(SourceError, match=r"not in the cache.*bench fetch"):
        fetch(_write_wheel(index, _FILES), offline=True)


def test_an_index_out_of_reach_gives_pips_reason(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _write_wheel(index, _FILES)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(SourceError, match=r"pip could not fetch it: ERROR: .*pip config list"):
        fetch(source)


def test_a_python_without_pip_is_told_so(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SourceError, match=r"no pip.*ensurepip"):
        fetch(_write_wheel(index, _FILES))


@pytest.mark.parametrize("name", ["toy_reviews/../escaped.csv", "/toy_reviews/x.csv", "toy_reviews\\..\\x.csv"])
def test_a_path_out_of_the_folder_is_refused(index: Path, tmp_path: Path, name: str) -> None:
    source = _write_wheel(index, _FILES | {name: "escaped"})
    glob = "/".join("*" for _ in name.split("/"))
    with pytest.raises(SourceError, match="points outside"):
        fetch(source.model_copy(update={"files": glob}))
    assert not list(tmp_path.rglob("escaped.csv"))


def test_a_glob_without_a_match_is_bad_input(index: Path) -> None:
    source = _write_wheel(index, _FILES).model_copy(update={"files": "toy_reviews/data/*.tsv"})
    with pytest.raises(InputError, match=r"toy_reviews/data/\*\.tsv"):
        fetch(source)


def test_a_star_stays_within_one_folder() -> None:
    assert _matches("a/b/c.txt", "a/*/*.txt")
    assert not _matches("a/b/c.txt", "a/*.txt")
    assert not _matches("x/a/b.txt", "a/*.txt")


def test_two_processes_share_one_cache(index: Path, tmp_path: Path) -> None:
    source = _write_wheel(index, _FILES)
    code = (
        "import sys; from bench.config import WheelSource; from bench.materials.sources import fetch\n"
        "said = []; got = fetch(WheelSource.model_validate_json(sys.argv[1]), announce=said.append)\n"
        "print(len(said), got.identity)"
    )
    env = clean_env() | {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": "/dev/null",
        "BENCH_CACHE": str(tmp_path / "cache"),
    }  # fmt: skip
    command = [sys.executable, "-c", code, json.dumps(source.model_dump())]
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = sorted(process.communicate(timeout=60)[0].split()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert printed == ["0", "1"], "one process downloads, the other waits and finds the files"
