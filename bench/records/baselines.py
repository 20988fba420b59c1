"""Baselines: measured ones, made of stored runs, and the documented claims that lie beside them.

    baselines/<suite>/documented.json                        what the recipe claims (`bench.comparing.claims`)
    baselines/<suite>/<profile>/<method>.json                scores, hashes and cost of every seed, and why it was made
    baselines/<suite>/<profile>/<method>.safetensors         per-example statistics after fine-tuning, for paired tests,
                                                             and the loss of every step, to rerun against

A measured baseline is committed, so it has to stay small. The JSON takes about 12 kB a seed for eight metrics. The
statistics take 8 bytes a number: 1,000 examples, five metrics of four numbers and three seeds make 0.5 MB. Beyond
`MAX_STATISTICS_BYTES` they are left out, and the JSON says so. Both files together may take `MAX_BYTES`.

`bench.comparing.gate.promotion` decides which runs may become a baseline, `bench.comparing.verification` looks whether
one still holds.
"""

from __future__ import annotations

import datetime
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field
from safetensors import numpy as safetensors

from bench.config import Strict, SuiteConfig
from bench.core.builtin import builtin_root
from bench.core.errors import InputError, suggest
from bench.core.files import canonical_json, read_json, read_rows, write_text
from bench.core.schema import validate
from bench.records.noise import NoiseFloor
from bench.records.record import (
    RECORD_FILE,
    Change,
    Cost,
    DataSummary,
    Environment,
    EpochSummary,
    Evaluation,
    Forgetting,
    Hashes,
    JudgeSummary,
    ModelSummary,
    RunRecord,
    Score,
    read_record,
    read_statistics,
)

SCHEMA_VERSION: Final = 2
"""As of records; baselines of version 1 load as they are."""
STATISTICS_FILE = "statistics.safetensors"
MAX_STATISTICS_BYTES = 2 * 1024 * 1024
MAX_BYTES = 3 * 1024 * 1024
_LOSSES = "losses"
"""First part of the keys of step losses; no metric may be named so."""

Statistics = dict[int, dict[str, np.ndarray]]
"""Seed -> metric -> float64 array (n_examples, n_statistics), after fine-tuning."""


class BaselineSeed(Strict):
    """What one seed gave."""

    seed: int
    scores_before: dict[str, Score]
    scores: dict[str, Score]
    changes: dict[str, Change]
    hashes: Hashes
    epochs: list[EpochSummary]
    evaluations: tuple[Evaluation, ...] = ()
    controls: dict[str, dict[str, Score]] = Field(default_factory=dict)
    judge: JudgeSummary | None = None
    forgetting: dict[str, Forgetting] = Field(default_factory=dict)
    reload_identical: bool
    environment: Environment
    """Versions, commit, dirty flag and device: seeds of one baseline may have been run on several."""
    cost: Cost


class Baseline(Strict):
    """Several seeds of one config, kept to compare with."""

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    suite: str
    profile: str
    method: str
    config_key: str
    config: SuiteConfig
    data: DataSummary
    model: ModelSummary
    seeds: tuple[BaselineSeed, ...] = Field(min_length=1)
    """In the order of their seeds."""
    reason: str = Field(min_length=1)
    """Why these runs became the baseline, by whoever promoted them."""
    created: str
    """UTC date, ISO 8601."""
    statistics_sha256: str | None
    """Hash of the statistics file; none where it was left out."""
    statistics_left_out: str | None
    """Why it was left out."""
    promoted_by: str | None = None
    """Who promoted the runs, by the name git knows, else the login; none where nobody noted it."""
    promoted_from_commit: str | None = None
    """Commit of the working tree that promoted them; none outside one. Each seed names the commit that it ran from."""
    waived: tuple[str, ...] = ()
    """What was allowed that is refused otherwise, a sentence each."""
    replaces_sha256: str | None = None
    """Hash of the JSON of the baseline that this one replaced; none where there was none."""
    noise: NoiseFloor | None = None
    """What the scores of this config do by themselves (`bench noise --store`); none where it was not measured."""

    def scores(self, metric: str) -> tuple[Score, ...]:
        """Return one score a seed, or none at all where the metric was not measured by every seed."""
        found = tuple(seed.scores[metric] for seed in self.seeds if metric in seed.scores)
        return found if len(found) == len(self.seeds) else ()

    def records(self) -> tuple[RunRecord, ...]:
        """Return the records it was made of, one a seed."""
        shared = {name: getattr(self, name) for name in RunRecord.model_fields if name in Baseline.model_fields}
        return tuple(
            RunRecord(**shared, **{name: getattr(seed, name) for name in BaselineSeed.model_fields})
            for seed in self.seeds
        )


# --- making ----------------------------------------------------------------------------------------------------------


def from_runs(
    folders: Sequence[Path], *, reason: str, created: datetime.date | None = None
) -> tuple[Baseline, bytes | None]:
    """Make a baseline of stored runs.

    Args:
        folders: run folders, or config-key folders that hold `seed-*` folders.
        reason: why these runs become the baseline.
        created: the date to note; default: today, UTC.

    Returns:
        The baseline, and the content of its statistics file (none where it was left out).

    Raises:
        InputError: no run was given, a record cannot be read, two are of one seed, configs, data or base model differ,
            or the reason is empty.
    """
    runs = sorted(((read_record(f), f) for f in _run_folders(folders)), key=lambda run: run[0].seed)
    records = [record for record, _ in runs]
    _check_alike(records)
    if not reason.strip():
        raise InputError("--reason is empty; say why these runs become the baseline")
    payload, left_out = _collect_statistics(runs)
    first = records[0]
    baseline = Baseline(
        suite=first.suite,
        profile=first.profile,
        method=first.method,
        config_key=first.config_key,
        config=first.config,
        data=first.data,
        model=first.model,
        seeds=tuple(_seed_of(record) for record in records),
        reason=reason.strip(),
        created=(created or datetime.datetime.now(datetime.UTC).date()).isoformat(),
        statistics_sha256=None if payload is None else hashlib.sha256(payload).hexdigest(),
        statistics_left_out=left_out,
    )
    return baseline, payload


def _seed_of(record: RunRecord) -> BaselineSeed:
    return BaselineSeed(**{name: getattr(record, name) for name in BaselineSeed.model_fields})


def _run_folders(folders: Sequence[Path]) -> list[Path]:
    """Expand config-key folders into the run folders they hold."""
    found: list[Path] = []
    for folder in folders:
        inside = sorted(file.parent for file in folder.glob(f"seed-*/{RECORD_FILE}"))
        if not inside and not (folder / RECORD_FILE).is_file():
            raise InputError(
                f"{folder}: holds neither {RECORD_FILE} nor seed-*/{RECORD_FILE}; "
                "give a run folder, or the config-key folder above several"
            )
        found += inside or [folder]
    if not found:
        raise InputError("no run folder was given; name one, or the config-key folder above several")
    return found


def _check_alike(records: Sequence[RunRecord]) -> None:
    keys = sorted({record.config_key for record in records})
    if len(keys) > 1:
        raise InputError(f"the runs are of several configs ({', '.join(keys)}); a baseline is of one config key")
    seeds = [record.seed for record in records]
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise InputError(f"seed {twice[0]} was given twice; give each seed's run folder once")
    first = records[0]
    for record in records[1:]:
        for what in ("data.fingerprint", "model.base"):
            block, field = what.split(".")
            ours, theirs = (getattr(getattr(r, block), field) for r in (first, record))
            if ours != theirs:
                raise InputError(
                    f"{what} is {ours} for seed {first.seed} and {theirs} for seed {record.seed}; "
                    "run the seeds again with --force on the same data and weights"
                )


def _collect_statistics(runs: Sequence[tuple[RunRecord, Path]]) -> tuple[bytes | None, str | None]:
    """Return the statistics file of all seeds, or why there is none."""
    flat: dict[str, np.ndarray] = {}
    for record, folder in runs:
        if not (folder / STATISTICS_FILE).is_file():
            return None, f"seed {record.seed} stored no {STATISTICS_FILE}"
        for metric, array in read_statistics(folder)["after"].items():
            flat[f"seed-{record.seed}/{metric}"] = np.ascontiguousarray(array)
        losses = [row["loss"] for row in read_rows(folder / "curve.jsonl")]
        flat[f"{_LOSSES}/seed-{record.seed}"] = np.array(losses, dtype=np.float64)
    size = sum(array.nbytes for array in flat.values())
    if size > MAX_STATISTICS_BYTES:
        return None, f"{size} bytes exceed the {MAX_STATISTICS_BYTES} that a repository should carry"
    return bytes(safetensors.save(dict(sorted(flat.items())))), None


# --- storage ---------------------------------------------------------------------------------------------------------


def write(baseline: Baseline, statistics: bytes | None, *, root: Path) -> Path:
    """Store a baseline under `root`, replacing the one of the same suite, profile and method.

    Args:
        baseline: what `from_runs` returned.
        statistics: the content of its statistics file, from the same call.
        root: the folder of baselines, usually `baselines`.

    Returns:
        The JSON file.
    """
    path = _path(root, baseline.suite, baseline.profile, baseline.method)
    beside = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Statistics first: a crash in between leaves an old JSON whose hash no longer fits, which `load` reports.
    if statistics is None:
        beside.unlink(missing_ok=True)
    else:
        _write_bytes(beside, statistics)
    write_text(path, canonical_json(baseline.model_dump(mode="json")))
    return path


def load(path: Path) -> Baseline:
    """Load a baseline and check that its statistics file is the one it was made with.

    Raises:
        InputError: it cannot be read, does not fit the schema, or its statistics are missing or changed.
    """
    values = read_values(path)
    version = values.get("schema_version")
    if version not in range(1, SCHEMA_VERSION + 1):
        raise InputError(
            f"{path}: schema_version is {version!r}, this bench reads 1 to {SCHEMA_VERSION}; promote runs again"
        )
    baseline = validate(Baseline, values, place=path)
    if baseline.statistics_sha256 is not None:
        _statistics_bytes(path, baseline.statistics_sha256)
    return baseline


def load_statistics(path: Path) -> Statistics:
    """Load the per-example statistics beside a baseline.

    Args:
        path: the baseline's JSON file.

    Returns:
        Seed -> metric -> (n_examples, n_statistics); empty where the baseline was stored without.

    Raises:
        InputError: as `load`.
    """
    sha256 = load(path).statistics_sha256
    statistics: Statistics = {}
    if sha256 is None:
        return statistics
    for key, array in sorted(safetensors.load(_statistics_bytes(path, sha256)).items()):
        seed, _, metric = key.partition("/")
        if seed != _LOSSES:
            statistics.setdefault(int(seed.removeprefix("seed-")), {})[metric] = array
    return statistics


def load_losses(path: Path) -> dict[int, np.ndarray]:
    """Load the training losses that a baseline was stored with.

    Args:
        path: the baseline's JSON file.

    Returns:
        Seed -> float64 array (n_steps,); empty where they were left out, or it is of version 1.

    Raises:
        InputError: as `load`.
    """
    sha256 = load(path).statistics_sha256
    stored = {} if sha256 is None else safetensors.load(_statistics_bytes(path, sha256))
    return {
        int(key.rpartition("-")[2]): array for key, array in sorted(stored.items()) if key.startswith(f"{_LOSSES}/")
    }


def store_noise(path: Path, noise: NoiseFloor) -> None:
    """Write a noise floor into a baseline's JSON; everything else in it stays as it was.

    Args:
        path: the baseline's JSON file.
        noise: measured on the baseline's own config.

    Raises:
        InputError: as `load`; or the noise is that of another kind of device.
    """
    devices = {seed.environment.device for seed in load(path).seeds}
    if noise.device not in devices:
        raise InputError(
            f"{path}: its seeds ran on {', '.join(sorted(devices))}, and the noise was measured on {noise.device}; "
            "measure it there, or promote runs of this device"
        )
    write_text(path, canonical_json(read_values(path) | {"noise": noise.model_dump(mode="json")}))


def read_values(path: Path) -> dict[str, Any]:
    """Return the JSON of a baseline as it stands in the file, which an older version may have written.

    Raises:
        InputError: it cannot be read, or holds no object.
    """
    values = read_json(path, mend="promote runs again with `bench baseline promote`")
    if not isinstance(values, dict):
        raise InputError(f"{path}: schema_version is None, for the file holds no JSON object; promote runs again")
    return values


def default_roots() -> tuple[Path, ...]:
    """Return where baselines are looked for: the working folder's `baselines`, then the built-in ones."""
    return Path("baselines"), builtin_root("baselines")


def find(suite: str, profile: str, method: str, *, roots: Sequence[Path] | None = None) -> Path | None:
    """Return the file of the measured baseline of a suite, profile and method, or None where there is none.

    Args:
        suite: name of the suite.
        profile: name of the profile.
        method: name of the method.
        roots: folders to look in, first match wins; default: `default_roots()`.
    """
    places = (_path(root, suite, profile, method) for root in roots or default_roots())
    return next((path for path in places if path.is_file()), None)


def locate(given: str | Path, *, roots: Sequence[Path] | None = None) -> Path:
    """Return the file of a measured baseline.

    Args:
        given: its JSON file, or `suite/profile/method`.
        roots: folders to look in, first match wins; default: `default_roots()`.

    Raises:
        InputError: there is none.
    """
    if Path(given).suffix == ".json" and Path(given).is_file():
        return Path(given)
    known = {name_of(path): path for path in find_all(roots=roots)}
    if str(given) not in known:
        raise InputError(f"{given}: neither a baseline's JSON file nor its name{suggest(str(given), known)}")
    return known[str(given)]


def size_bytes(path: Path) -> int:
    """Return what a baseline takes on disk, its JSON and statistics together."""
    return sum(file.stat().st_size for file in (path, path.with_suffix(".safetensors")) if file.is_file())


def name_of(path: Path) -> str:
    """Return `suite/profile/method` of a baseline's file."""
    return "/".join((*path.parts[-3:-1], path.stem))


def find_all(*, roots: Sequence[Path] | None = None) -> list[Path]:
    """Return the files of all measured baselines; one in an earlier root hides its namesake in a later one."""
    found: dict[tuple[str, ...], Path] = {}
    for root in roots or default_roots():
        for path in sorted(root.glob("*/*/*.json")):
            found.setdefault(path.parts[-3:], path)
    return [found[name] for name in sorted(found)]


def _path(root: Path, suite: str, profile: str, method: str) -> Path:
    return root / suite / profile / f"{method}.json"


def _statistics_bytes(path: Path, sha256: str) -> bytes:
    beside = path.with_suffix(".safetensors")
    mend = "restore it from version control, or promote the runs again"
    try:
        payload = beside.read_bytes()
    except OSError:
        raise InputError(f"{beside}: missing, though {path.name} was stored with it; {mend}") from None
    got = hashlib.sha256(payload).hexdigest()
    if got != sha256:
        raise InputError(f"{beside}: sha256 is {got}, {path.name} was stored with {sha256}; {mend}")
    return payload


def _write_bytes(path: Path, payload: bytes) -> None:
    """Write a binary file whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        new = Path(scratch) / "new"
        new.write_bytes(payload)
        new.replace(path)
