"""What a study has to remember beside its runs: how fast each setting trains, and which runs failed.

    runs/studies/<suite>/<profile>/<method>/<config key>/seed-<n>/   every run of every study, as `bench run` stores it
    runs/studies/<study>.json                                        this ledger
    runs/studies/<study>.lock                                        held while the study runs

Runs of studies lie in a folder of their own, so that no report, gate or leaderboard of `runs` takes a trial for a
result. They are found by config key: a study that is changed, or another one, uses them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.files import canonical_json, write_text

FOLDER = "studies"
"""Under the folder of runs."""


class Rate(Strict):
    """What a short measured run took."""

    n_steps: int
    n_tokens: int
    """Tokens of text trained on."""
    training_s: float
    """Seconds of training."""
    wall_time_s: float
    """What it cost to measure this."""
    cpu_time_s: float


class Failure(Strict):
    """A run that failed, which counts as any other and is not tried again."""

    message: str
    wall_time_s: float
    cpu_time_s: float


class _Content(Strict):
    rates: dict[str, Rate] = Field(default_factory=dict)
    failures: dict[str, Failure] = Field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The ledger of one study; what is put in is on disk when the call returns."""

    path: Path
    rates: dict[str, Rate] = field(default_factory=dict)
    """Key of what decides the speed -> rate."""
    failures: dict[str, Failure] = field(default_factory=dict)
    """`<config key>/seed-<n>` -> failure."""

    def keep_rate(self, key: str, rate: Rate) -> None:
        """Remember a rate."""
        self.rates[key] = rate
        self._write()

    def keep_failure(self, key: str, failure: Failure) -> None:
        """Remember a failure."""
        self.failures[key] = failure
        self._write()

    def forget_failures(self) -> None:
        """Let failed runs be tried again."""
        self.failures.clear()
        if self.path.is_file():
            self._write()

    def _write(self) -> None:
        content = _Content(rates=self.rates, failures=self.failures)
        write_text(self.path, canonical_json(content.model_dump(mode="json")))


def open_ledger(root: Path, study: str) -> Ledger:
    """Return the ledger of a study, empty where there is none yet.

    Args:
        root: the folder of the runs of studies.
        study: the study's name.

    Raises:
        InputError: the file is damaged.
    """
    path = root / f"{study}.json"
    if not path.is_file():
        return Ledger(path=path)
    try:
        content = _Content.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:  # pydantic's is a ValueError
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: is no ledger of a study ({first}); move it away to measure and try anew") from None
    return Ledger(path=path, rates=content.rates, failures=content.failures)
