from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.config import GeneratedSource, HubSource, LocalSource
from bench.core.errors import InputError
from bench.materials.sources import fetch, is_cached


def test_a_file_is_returned_in_place_and_named_by_content(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n", encoding="utf-8")
    got = fetch(LocalSource(kind="local", path=str(file)))
    assert (got.path, got.files) == (tmp_path, (file,))
    assert got.identity.startswith("local:rows.csv#sha256:")
    assert str(tmp_path) not in got.identity


def test_a_copied_folder_has_the_same_identity_and_a_changed_one_another(tmp_path: Path) -> None:
    folder = tmp_path / "first" / "model"
    (folder / "inner").mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "inner" / "words.txt").write_text("one", encoding="utf-8")
    copy = shutil.copytree(folder, tmp_path / "second" / "model")
    (copy / ".DS_Store").write_text("desktop noise", encoding="utf-8")
    identity = fetch(LocalSource(kind="local", path=str(folder))).identity
    got = fetch(LocalSource(kind="local", path=str(copy)))
    assert got.identity == identity
    assert [file.name for file in got.files] == ["config.json", "words.txt"]
    (copy / "inner" / "words.txt").rename(copy / "inner" / "other.txt")
    assert fetch(LocalSource(kind="local", path=str(copy))).identity != identity


def test_a_missing_path_names_the_key_and_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = LocalSource(kind="local", path="nowhere/rows.csv")
    assert not is_cached(source)
    with pytest.raises(InputError, match=r"path = 'nowhere/rows.csv' does not exist"):
        fetch(source)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder without files"):
        fetch(LocalSource(kind="local", path=str(tmp_path)))


def test_what_cannot_be_fetched_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="generated:sentiment"):
        fetch(GeneratedSource(kind="generated", name="sentiment"))
    with pytest.raises(TypeError, match="load_rows"):
        fetch(HubSource(kind="hub", id="a/b", revision="0" * 40, split="train"))
