"""Running a plan: which cell goes to which worker, what is tried again, and how long the rest will take."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from bench.core.errors import EXIT_PASS, EXIT_RUN_FAILED
from bench.core.locks import clear_scratch
from bench.experiments.sweep.cells import CellJob, CellResult, Runner, SweepCell, run_stored, write_log
from bench.experiments.sweep.engine import Death, Engine, EngineSettings
from bench.experiments.sweep.open import open_engine
from bench.experiments.sweep.planning import NotApplicable, Plan, Planned

MAX_ATTEMPTS = 2
"""Workers that a cell may take down with it."""

_Key = tuple[str, str]
"""Suite and method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a sweep is."""

    n_cells: int
    """Cells that it set out to run."""
    n_done: int
    """Of those, how many have a record now."""
    n_failed: int
    left_s: float | None
    """Seconds that the rest should take; none where nothing is known yet."""


Watch = Callable[[CellResult | None, Tally], None]
"""Told of every outcome as it comes, and once before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What came of every cell of a plan."""

    outcomes: tuple[CellResult, ...]
    """In the order of the plan."""
    not_applicable: tuple[NotApplicable, ...]

    @property
    def failed(self) -> tuple[CellResult, ...]:
        """Return the cells whose run failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "failed")

    @property
    def exit_code(self) -> int:
        """Return what a command line ends with."""
        return EXIT_RUN_FAILED if self.failed else EXIT_PASS


def run_sweep(
    plan: Plan,
    *,
    engine: EngineSettings = EngineSettings(),  # noqa: B008 - it is frozen
    watch: Watch | None = None,
    run: Runner = run_stored,
) -> SweepResult:
    """Run every cell of a plan that is not stored yet; one that fails fails alone.

    Args:
        plan: what `bench.experiments.sweep.plan` returned.
        engine: which one, and what a cell gets; default: one cell at a time on this machine.
        watch: told how far the sweep is.
        run: what runs a cell; a function that another process can import.

    Returns:
        One outcome for each cell of the plan.

    Raises:
        InputError: what is asked for cannot be, or Ray is not installed.
        RunError: the cluster does not answer, or does not see the folder of runs.
    """
    for planned in plan.cells:
        clear_scratch(planned.folder)
    to_run = plan.to_run
    ended = {planned.folder: CellResult(cell=planned.cell, state="stored") for planned in plan.cells}
    if to_run:
        workers = open_engine(engine, plan.settings, n_cells=len(to_run))
        drive = _Drive(workers, to_run, watch or _unwatched)
        try:
            drive.run([CellJob(cell=planned.cell, settings=plan.settings, run=run) for planned in to_run])
        finally:
            workers.stop()
            for planned in to_run:
                clear_scratch(planned.folder)
        ended |= drive.ended
    return SweepResult(outcomes=tuple(ended.values()), not_applicable=plan.not_applicable)


def _unwatched(outcome: CellResult | None, tally: Tally) -> None:
    """Show nothing."""


# --- queue -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Queue:
    """Tasks by suite, so that a slot keeps to one suite, whose weights and rows it has, as long as it can."""

    _by_suite: dict[str, deque[CellJob]] = field(default_factory=dict)
    _later: deque[CellJob] = field(default_factory=deque)
    _suite_of: dict[int, str] = field(default_factory=dict)

    def put(self, task: CellJob) -> None:
        """Add a task behind those of its suite."""
        self._by_suite.setdefault(task.cell.config.suite, deque()).append(task)

    def put_off(self, task: CellJob) -> None:
        """Add a task behind all others."""
        self._later.append(task)

    def take(self, slot: int) -> CellJob | None:
        """Return the next task for a slot; none where no task is left."""
        left = {suite: len(tasks) for suite, tasks in self._by_suite.items() if tasks}
        if not left:
            return self._later.popleft() if self._later else None
        suite = self._suite_of.pop(slot, None)
        if suite not in left:
            n_slots = Counter(self._suite_of.values())
            suite = max(left, key=lambda name: left[name] / (1 + n_slots[name]))
        self._suite_of[slot] = suite
        return self._by_suite[suite].popleft()


# --- driving ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Drive:
    """Keeps every slot of an engine at work until nothing is left."""

    engine: Engine
    to_run: Sequence[Planned]
    watch: Watch
    ended: dict[Path, CellResult] = field(default_factory=dict)
    """By folder of the cell: methods of two files, or suites of two folders, may have one name."""
    _queue: Queue = field(default_factory=Queue)
    _deaths: Counter[Path] = field(default_factory=Counter)
    _times_s: dict[_Key, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, tasks: Iterable[CellJob]) -> None:
        """Run all tasks."""
        for job in tasks:
            self._queue.put(job)
        self.watch(None, self._tally())
        idle, busy = list(range(self.engine.n_slots)), dict[int, CellJob]()
        while True:
            for slot in tuple(idle):
                task = self._queue.take(slot)
                if task is None:
                    break
                idle.remove(slot)
                busy[slot] = task
                self.engine.give(slot, task)
            if not busy:
                return
            slot, answer = self.engine.wait()
            idle.append(slot)
            self._take_in(busy.pop(slot), answer)

    def _take_in(self, task: CellJob, answer: CellResult | Death) -> None:
        outcome = self._after_death(task, answer) if isinstance(answer, Death) else answer
        if outcome.state == "busy":
            self._queue.put_off(replace(task, wait=True))
            return
        if outcome.state != "retried":
            self.ended[_folder(task)] = outcome
        if outcome.state == "done":
            self._times_s[_key(task.cell)].append(outcome.seconds)
        self.watch(outcome, self._tally())

    def _after_death(self, task: CellJob, death: Death) -> CellResult:
        cell, folder = task.cell, _folder(task)
        self._deaths[folder] += 1
        if self._deaths[folder] < MAX_ATTEMPTS:
            self._queue.put(task)
            return CellResult(cell=cell, state="retried", message=f"its worker was lost: {death.reason}")
        log = write_log(folder, f"{death.reason}\n{death.details}")
        return CellResult(
            cell=cell, state="failed", message=f"{MAX_ATTEMPTS} workers were lost to it: {death.reason}", log=log
        )

    def _tally(self) -> Tally:
        left = [planned for planned in self.to_run if planned.folder not in self.ended]
        n_failed = sum(outcome.state == "failed" for outcome in self.ended.values())
        return Tally(
            n_cells=len(self.to_run),
            n_done=len(self.ended) - n_failed,
            n_failed=n_failed,
            left_s=time_left_s(left, self._times_s, n_slots=self.engine.n_slots),
        )


def _folder(task: CellJob) -> Path:
    return task.cell.folder(task.settings.runs_root)


def _key(cell: SweepCell) -> _Key:
    return cell.config.suite, cell.config.method_name


def time_left_s(left: Sequence[Planned], times_s: Mapping[_Key, Sequence[float]], *, n_slots: int) -> float | None:
    """Return the seconds that cells should take: as others of their suite and method did, or else of their suite.

    Args:
        left: cells that have no outcome yet.
        times_s: (suite, method) -> seconds of the cells that ended well.
        n_slots: cells at a time.

    Returns:
        None where a cell is of a suite of which nothing is known, neither from this sweep nor stored.
    """
    by_suite: dict[str, list[float]] = defaultdict(list)
    for (suite, _), seconds in times_s.items():
        by_suite[suite] += seconds
    total_s, longest_s = 0.0, 0.0
    for planned in left:
        suite, method = _key(planned.cell)
        own = times_s.get((suite, method))
        expected_s = fmean(own) if own else planned.expected_s
        if expected_s is None and by_suite[suite]:
            expected_s = fmean(by_suite[suite])
        if expected_s is None:
            return None
        total_s += expected_s
        longest_s = max(longest_s, expected_s)
    return max(total_s / n_slots, longest_s)
