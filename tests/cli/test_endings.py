"""How the command ends, whatever is raised: a code of ours, one line, and a file with the trace of the unforeseen."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from bench.__main__ import main
from bench.cli import show
from bench.cli.app import app
from bench.cli.command import Command
from bench.core import traces
from bench.core.errors import InputError, NotComparableError, RunError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _end_of(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(show, "resolve_suite", fail)
    monkeypatch.setattr(sys, "argv", ["bench", "show", "imdb"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


UNFORESEEN = [
    ValueError("odd"),
    KeyError("key"),
    RecursionError("deep"),
    MemoryError(),
    EOFError("end of input"),
    OSError("no file is named"),
    OSError(errno.ENOSPC, "No space left on device", "record.json"),
    UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"),
    SystemExit(0),
    SystemExit(None),
    SystemExit(1),
    SystemExit("done"),
    GeneratorExit(),
    typer.Abort(),
    ExceptionGroup("several", [ValueError("a")]),
    UnreadableError(),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_an_error_that_nobody_foresaw_ends_with_5_one_line_and_a_trace(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    assert _end_of(monkeypatch, error) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: the command failed unexpectedly: {type(error).__name__}")
    (trace,) = (cache / "errors").iterdir()
    assert line.endswith(f"whole trace: {trace}")
    text = trace.read_text(encoding="utf-8")
    assert re.search(r"in fail\n[ |]*raise error\n", text)
    assert f"Python {sys.version.split()[0]}" in text
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.toml: wrong"), 2, "error: a.toml: wrong"),
        (NotComparableError("other data"), 4, "error: other data"),
        (RunError("no device"), 5, "error: no device"),
        (FileNotFoundError(errno.ENOENT, "Not there", "x.json"), 2, "error: x.json: Not there; name another place"),
        (KeyboardInterrupt(), 130, "interrupted: the run in progress left nothing behind"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_was_foreseen_has_its_own_code_and_leaves_no_trace(
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    monkeypatch.setattr("bench.__main__._drop_output", lambda: None)  # pytest's own output shall not go
    assert _end_of(monkeypatch, error) == code
    assert capsys.readouterr().err == (f"{line}\n" if line else "")
    assert not cache.exists()


def test_a_foreseen_error_with_a_cause_says_where_the_causes_trace_is(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = RunError("mine.py:Mine: apply raised ValueError")
    error.__cause__ = ValueError("odd")
    assert _end_of(monkeypatch, error) == 5
    (trace,) = (cache / "errors").iterdir()
    assert capsys.readouterr().err == f"error: mine.py:Mine: apply raised ValueError\nwhole trace: {trace}\n"
    assert "ValueError: odd" in trace.read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["cache", "temporary", "working", "nowhere"])
def test_a_trace_falls_back_to_other_folders_and_never_fails_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A file stands where a folder should be, which no right to write gets past."""
    names = ["cache", "temporary", "working", "nowhere"]
    for name in names:
        place = tmp_path / name
        if names.index(name) < names.index(where):
            place.write_text("in the way", encoding="utf-8")
        else:
            place.mkdir()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(traces.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "working")
    written = traces.write_trace(ValueError("odd"))
    if where == "nowhere":
        assert written is None
    else:
        assert written is not None
        assert written.parent in (tmp_path / where, tmp_path / where / "errors")


def test_nothing_secret_is_shown_or_written(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "swordfish-7")
    monkeypatch.setenv("MY_API_KEY", "open-sesame")
    monkeypatch.setenv("HARMLESS", "plain-value")
    error = ValueError("https://me:secret@host/x swordfish-7 open-sesame plain-value hf_abcdefghijkl")
    written = traces.write_trace(error)
    assert written is not None
    for text in (traces.one_line(error), written.read_text(encoding="utf-8")):
        assert not re.search("swordfish|sesame|secret|hf_abc", text)
        assert "https://<user>@host/x <HF_TOKEN> <MY_API_KEY> plain-value <key>" in text
    assert os.environ["PATH"] not in written.read_text(encoding="utf-8")


def test_every_verb_hands_its_errors_on() -> None:
    commands = [*app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        commands += group.typer_instance.registered_commands
    assert len(commands) > 15
    assert [c.name or c.callback.__name__ for c in commands if not issubclass(c.cls or type, Command)] == []  # type: ignore[union-attr]


def test_an_argument_that_is_not_utf8_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "run", "imdb", "--set", "title=\udcff"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err
        == "error: 'title=\\udcff': is not UTF-8, and no record could hold it; give it another name\n"
    )


def _shell(line: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"BENCH_CACHE": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    line = line.replace("bench ", f"{sys.executable} -m bench ")
    return subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
def test_a_full_disk_and_a_closed_pipe_have_codes_of_their_own(tmp_path: Path) -> None:
    full = _shell("bench list >/dev/full", tmp_path)
    assert (full.returncode, len(full.stderr.splitlines())) == (5, 1)
    assert "No space left on device" in full.stderr
    assert _shell("bench list | true; exit ${PIPESTATUS[0]}", tmp_path).returncode in (0, 141)
    assert _shell("bench list 2>&- >&-", tmp_path).returncode in (0, 5)
