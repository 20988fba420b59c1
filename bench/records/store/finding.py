"""What is stored: finds runs and baselines, and reads each once for everything that a command does with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.core.builtin import builtin_root
from bench.core.errors import InputError, suggest
from bench.core.files import read_json
from bench.records.store.baseline import StoredBaseline, baseline_path
from bench.records.store.name import ResultName
from bench.records.store.run import RECORD_FILE, StoredRun, is_stored, parse_record

DOCUMENTED_FILE = "documented.json"


def default_roots() -> tuple[Path, ...]:
    """Return where baselines are looked for: the working folder's `baselines`, then the built-in ones."""
    return Path("baselines"), builtin_root("baselines")


class Store:
    """The runs and baselines of a command. What it has handed out once it hands out again, and reads no file twice."""

    def __init__(
        self,
        *,
        runs_root: Path | None = Path("runs"),
        roots: Sequence[Path] | None = None,
        known: Iterable[StoredRun] = (),
    ) -> None:
        """Make a store; nothing is read yet.

        Args:
            runs_root: the folder of runs; none where only baselines are looked for.
            roots: folders of baselines, the first that has one wins; default: `default_roots()`.
            known: runs that have been read already.
        """
        self.runs_root = runs_root
        self.roots = tuple(roots or default_roots())
        self._runs = {run.file.resolve(): run for run in known}
        self._baselines: dict[Path, StoredBaseline] = {}

    # --- runs --------------------------------------------------------------------------------------------------------

    def run_of(self, file: Path) -> StoredRun:
        """Return the run of a record's file."""
        return self._runs.setdefault(file.resolve(), StoredRun(file=file))

    def runs_in(self, folder: Path) -> tuple[StoredRun, ...]:
        """Return the run of a run folder, or all seeds of a config-key folder; empty where it is neither."""
        if is_stored(folder):
            return (self.run_of(folder / RECORD_FILE),)
        return self._matching(folder, "seed-*")

    def names(
        self, *, suite: str | None = None, profile: str | None = None, method: str | None = None
    ) -> list[ResultName]:
        """Return what runs are stored of, in order.

        Args:
            suite: keep only this one.
            profile: keep only this one.
            method: keep only this one.
        """
        if self.runs_root is None:
            return []
        records = self.runs_root.glob(f"{suite or '*'}/*/*/*/seed-*/{RECORD_FILE}")
        names = sorted({ResultName(*file.parts[-6:-3]) for file in records})
        return [name for name in names if profile in (None, name.profile) and method in (None, name.method)]

    def names_of_suite(self, suite: str, *, profile: str | None, method: str | None) -> list[ResultName]:
        """Return what runs of a suite are stored of.

        Args:
            suite: its name.
            profile: keep only this one.
            method: keep only this one.

        Raises:
            InputError: nothing is stored that fits.
        """
        names = self.names(suite=suite, profile=profile, method=method)
        if names:
            return names
        stored = self.names(suite=suite)
        listed = ", ".join(f"{name.profile}/{name.method}" for name in stored) or "nothing"
        raise InputError(
            f"{self.runs_root}/{suite}: no stored run of {profile or '*'}/{method or '*'} (stored: {listed}); "
            f"make one with `bench run suites/{suite}`"
            + (suggest(method, [name.method for name in stored]) if method and stored else "")
        )

    def configs(self, name: ResultName) -> dict[str, tuple[StoredRun, ...]]:
        """Return the stored runs of a suite, profile and method: config key -> its seeds."""
        return {} if self.runs_root is None else self.configs_in(self.runs_root.joinpath(*name))

    def configs_in(self, folder: Path) -> dict[str, tuple[StoredRun, ...]]:
        """Return the runs in a method's folder: config key -> its seeds."""
        configs: dict[str, list[StoredRun]] = {}
        for run in self._matching(folder, "*/seed-*"):
            configs.setdefault(run.folder.parent.name, []).append(run)
        return {key: tuple(runs) for key, runs in configs.items()}

    def newest_runs(self, name: ResultName) -> tuple[StoredRun, ...]:
        """Return the runs of the newest config, by seed: the one whose latest run started last; empty where none is.

        Raises:
            InputError: a record cannot be read.
        """

        def started_at(runs: Sequence[StoredRun]) -> str:
            return max(run.record.cost.started_at for run in runs)

        newest = max(self.configs(name).values(), key=started_at, default=())
        return tuple(sorted(newest, key=lambda run: run.record.seed))

    def _matching(self, folder: Path, pattern: str) -> tuple[StoredRun, ...]:
        return tuple(self.run_of(file) for file in sorted(folder.glob(f"{pattern}/{RECORD_FILE}")))

    # --- baselines ---------------------------------------------------------------------------------------------------

    def baseline_of(self, name: ResultName) -> StoredBaseline | None:
        """Return the measured baseline of a suite, profile and method, or None where there is none."""
        places = (baseline_path(root, name) for root in self.roots)
        return next((self._baseline_at(path) for path in places if path.is_file()), None)

    def baselines(self) -> list[StoredBaseline]:
        """Return all measured baselines; one in an earlier root hides its namesake in a later one."""
        by_name: dict[ResultName, StoredBaseline] = {}
        for root in self.roots:
            for path in sorted(root.glob("*/*/*.json")):
                stored = self._baseline_at(path)
                by_name.setdefault(stored.name, stored)
        return [by_name[name] for name in sorted(by_name)]

    def locate_baseline(self, given: str | Path) -> StoredBaseline:
        """Return a measured baseline.

        Args:
            given: its JSON file, or `suite/profile/method`.

        Raises:
            InputError: there is none.
        """
        if Path(given).suffix == ".json" and Path(given).is_file():
            return self._baseline_at(Path(given))
        by_name = {str(stored.name): stored for stored in self.baselines()}
        if str(given) not in by_name:
            raise InputError(f"{given}: neither a baseline's JSON file nor its name{suggest(str(given), by_name)}")
        return by_name[str(given)]

    def documented_file(self, suite: str) -> Path | None:
        """Return the file with the claims of a suite's recipe, or None where there is none."""
        places = (root / suite / DOCUMENTED_FILE for root in self.roots)
        return next((path for path in places if path.is_file()), None)

    def _baseline_at(self, path: Path) -> StoredBaseline:
        return self._baselines.setdefault(path.resolve(), StoredBaseline(path=path))

    # --- either ------------------------------------------------------------------------------------------------------

    def open(self, file: Path, *, mend: str) -> StoredRun | StoredBaseline:
        """Return the run or the baseline of a JSON file, whichever it holds.

        Args:
            file: a record, or a baseline's JSON.
            mend: what to do where it is no JSON, for the message.

        Raises:
            InputError: it is no JSON, or neither a baseline nor a record that this bench reads.
        """
        place = file.resolve()
        if place in self._runs:
            return self._runs[place]
        if place not in self._baselines:
            values = read_json(file, mend=mend)
            if not (isinstance(values, dict) and "seeds" in values):
                return self._runs.setdefault(place, StoredRun(file=file, known=parse_record(values, place=file)))
            self._baselines[place] = StoredBaseline(path=file, known=values)
        return self._baselines[place]
