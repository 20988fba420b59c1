"""What version control says of the files of users, and which code it is: by real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from factories import make_record
from stored import suite_config, write_suite

import bench
from bench.config import SuiteConfig
from bench.records import provenance
from bench.records.provenance import Code, code_at_hand, environment, package_tree, tree_of
from bench.records.record import WorkingTree
from bench.running.settings import RunSettings
from bench.running.user_files import suite_folders, user_files


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=A. Person", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *name, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository, the working folder, whose one commit holds a suite and a method's file."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path, suite_config())
    (tmp_path / "mine.py").write_text("class Mine: ...\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("ignored\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_files_that_a_commit_holds(repository: Path) -> None:
    clean = WorkingTree(commit=git(repository, "rev-parse", "HEAD"), dirty=False)
    assert tree_of(repository / "mine.py") == clean
    assert tree_of(repository / "suites" / "sentiment_sst2") == clean
    (repository / "elsewhere.py").write_text("1\n", encoding="utf-8")
    assert tree_of(repository / "mine.py") == clean  # what lies beside it says nothing of it


@pytest.mark.parametrize("change", ["edited", "staged", "a new file in the folder", "never added", "ignored"])
def test_files_that_no_commit_holds_as_they_are(repository: Path, change: str) -> None:
    folder = repository / "suites" / "sentiment_sst2"
    if change in ("edited", "staged"):
        with (folder / "suite.toml").open("a", encoding="utf-8") as file:
            file.write("# edited\n")
    if change == "staged":
        git(repository, "add", "-A")
    if change == "a new file in the folder":
        (folder / "rows.csv").write_text("a\n", encoding="utf-8")
    if change in ("never added", "ignored"):
        folder = repository / ("ignored" if change == "ignored" else "new")
        folder.mkdir()
        (folder / "suite.toml").write_text("a = 1\n", encoding="utf-8")
    assert tree_of(folder).dirty is True


def test_outside_a_repository_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert tree_of(tmp_path) == WorkingTree(commit=None, dirty=None)


def test_a_repository_without_a_commit_holds_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert tree_of(tmp_path) == WorkingTree(commit=None, dirty=True)


def test_a_run_looks_at_the_repository_of_its_suite_its_method_and_its_metrics(repository: Path) -> None:
    values = suite_config().model_dump(mode="json", exclude_none=True)
    values["method"] = {"kind": "plugin", "use": "mine.py:Mine", "sha256": "0" * 64}
    values["metrics"]["Counted"] = {"use": "mine.py:Counted", "sha256": "0" * 64}
    config = SuiteConfig.model_validate(values)
    assert {name: tree.dirty for name, tree in user_files(config, RunSettings()).items()} == {
        "suite": False,
        "method": False,
        "metric Counted": False,
    }
    (repository / "mine.py").write_text("class Mine: 'edited'\n", encoding="utf-8")
    elsewhere = write_suite(repository / "elsewhere", suite_config())
    settings = RunSettings(suite_folders=suite_folders(elsewhere, config))
    assert {name: tree.dirty for name, tree in user_files(config, settings).items()} == {
        "suite": True,  # the one that was given, and not its namesake in the working folder
        "method": True,
        "metric Counted": True,
    }
    made = environment(
        device="cpu", n_threads=1, precision="float32", determinism={}, user_files=user_files(config, settings)
    )
    assert made.user_files["suite"].dirty


@pytest.fixture
def package(repository: Path) -> Path:
    """Return the outermost folder of a package with a room, committed beside the suites."""
    folder = repository / "package"
    (folder / "core").mkdir(parents=True)
    for file in (folder / "__init__.py", folder / "core" / "files.py"):
        file.write_text("VALUE = 1\n", encoding="utf-8")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "package")
    return folder


@pytest.mark.parametrize(
    ("edited", "dirty"),
    [
        (None, False),
        ("package/__init__.py", True),
        ("package/core/files.py", True),
        ("package/core/new.py", True),
        ("suites/sentiment_sst2/suite.toml", True),
        ("notes.md", False),  # neither code nor a suite
    ],
)
def test_code_is_dirty_whichever_room_was_edited(package: Path, edited: str | None, dirty: bool) -> None:
    commit = git(package, "rev-parse", "HEAD")
    if edited is not None:
        with (package.parent / edited).open("a", encoding="utf-8") as file:
            file.write("# edited\n")
    assert package_tree(package) == (commit, dirty)


def test_an_untracked_package_is_an_installed_copy(repository: Path) -> None:
    folder = repository / "ignored" / "package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("VALUE = 1\n", encoding="utf-8")
    assert package_tree(folder) == (None, None)


def test_the_package_that_is_asked_about_is_the_whole_of_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(provenance, "package_tree", lambda folder: asked.append(folder) or (None, None))
    provenance.working_tree.__wrapped__()
    assert asked == [Path(bench.__file__).parent]


def test_a_record_names_the_code_that_made_it() -> None:
    made = environment(device="cpu", n_threads=1, precision="float32", determinism={})
    assert Code.of(made) == code_at_hand()
    assert Code.of(make_record().environment).sha256 is None  # an older record does not say
