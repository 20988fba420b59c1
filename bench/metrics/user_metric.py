"""Metrics of users: a class in a file of theirs or in an installed package, imported, and checked whenever it scores.

`[metrics.NAME]` with `use = "file.py:Name"` and its `sha256` is one: the hash is in the config, so another version of
the file is another config. A config that is read says where its metrics are (`bench.config.metric.USER_METRICS`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Self, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from bench.config.inputs import USER_METRICS, Inputs, UserMetric
from bench.core import plugins
from bench.core.errors import BenchError, InputError, suggest
from bench.core.schema import Strict
from bench.metrics.base import Metric, MetricSpec
from bench.metrics.registry import METRIC_NAMES
from bench.metrics.resources import NO_RESOURCES, Need, Resources
from bench.records.score import Note

ENTRY_POINTS = "bench.metrics"
"""Group under which a package names its metrics: `name = "package.module:Class"`."""

OPTION = "--metric"
_TOLERANCE = 1e-9
T = TypeVar("T")


def locate(given: str) -> str:
    """Return the name under which a metric is scored, and note where a user's own is.

    Args:
        given: a name, or `path/to/file.py:Name` or `package.module:Name`.

    Raises:
        InputError: there is no such file or module.
    """
    use = plugins.installed(ENTRY_POINTS).get(given, given)
    if not plugins.is_plugin(use):
        return given
    use, sha256 = plugins.located(use, option=OPTION)
    name = given if given != use and not plugins.is_plugin(given) else use.rpartition(":")[2]
    check_name(name, use)
    USER_METRICS[name] = UserMetric(use=use, sha256=sha256)
    return name


def check_name(name: str, use: str) -> None:
    """Check that a user's metric does not go by the name of one of bench's.

    Raises:
        InputError: it does.
    """
    if name in METRIC_NAMES:
        raise InputError(
            f"{use}: {name} is a metric of bench, which would be scored in its place; give it another name"
        )


def tables_of(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the `[metrics.NAME]` tables that score metrics besides a suite's own: name -> table.

    Args:
        given: names, or places of users' metrics; see `locate`.

    Raises:
        InputError: as `locate`.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name in map(locate, given):
        own = USER_METRICS.get(name)
        tables[name] = {} if own is None else {"use": own.use, "sha256": own.sha256}
    return tables


@functools.cache
def load(name: str, use: str, sha256: str | None) -> tuple[MetricSpec, type[Metric]]:
    """Import a user's metric; it comes back with every call checked.

    Raises:
        InputError: it cannot be imported, has changed, is no `bench.metrics.Metric`, or its spec is not whole.
    """
    own: type[Metric] = plugins.load_class(use, sha256, Metric, base_name="bench.metrics.Metric", option=OPTION)  # type: ignore[type-abstract]
    spec = getattr(own, "spec", None)
    if not isinstance(spec, MetricSpec):
        raise InputError(f"{use}: has no `spec`; give the class one, a bench.metrics.MetricSpec")
    _check_class(use, own, spec)
    return dataclasses.replace(spec, name=name), type(
        own.__name__, (_Checked, own), {"use": use, "file_sha256": plugins.located(use, option=OPTION)[1]}
    )


def _check_class(use: str, own: type[Metric], spec: MetricSpec) -> None:
    """Check what can be known of a class before it scores."""
    numbers = [value for value in (spec.low, spec.high) if isinstance(value, int | float)]
    texts = [value for value in (spec.title, spec.unit, spec.source) if isinstance(value, str) and value]
    if len(numbers) < 2 or not spec.low < spec.high or len(texts) < 3:
        raise InputError(f"{use}: its spec is not whole: title, unit and source must be texts, and low below high")
    if spec.inputs not in get_args(Inputs):
        raise InputError(
            f"{use}: spec.inputs = {spec.inputs!r} is not known{suggest(str(spec.inputs), get_args(Inputs))}"
        )
    if missing := sorted(getattr(own, "__abstractmethods__", ())):
        raise InputError(f"{use}: lacks {', '.join(missing)}; see bench.metrics.Metric")
    if not (isinstance(own.Options, type) and issubclass(own.Options, Strict)):
        raise InputError(f"{use}: Options must be a class that derives from bench.core.schema.Strict")
    for need in own.needs:
        if need not in get_args(Need):
            raise InputError(f"{use}: needs {need!r}, which is not known{suggest(str(need), get_args(Need))}")


class _Checked(Metric):
    """Calls a user's metric, and refuses what the bootstrap could not use."""

    use: str
    file_sha256: str

    def __init__(self, spec: MetricSpec, options: Any, resources: Resources = NO_RESOURCES) -> None:
        self._call(lambda: super(_Checked, self).__init__(spec, options, resources))

    def check(self) -> None:
        """Call the metric's own."""
        self._call(super().check)

    def check_references(self, references: Sequence[Any]) -> None:
        """Call the metric's own."""
        self._call(lambda: super(_Checked, self).check_references(references))

    def settled(self, predictions: Sequence[Any], references: Sequence[Any]) -> Self:
        """Return the metric's own; see `Metric.settled`."""
        own: Self = self._call(lambda: super(_Checked, self).settled(predictions, references))
        return own

    def signature(self) -> str:
        """Return the metric's own, with the hash of its file at the end."""
        own = self._call(super().signature)  # type: ignore[safe-super]
        if not isinstance(own, str):
            raise InputError(f"{self.use}: signature must return a text, got {type(own).__name__}")
        return f"{own}|sha256:{self.file_sha256[:12]}"

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return the metric's own, if they are (n_examples, n_statistics) finite float64; see `Metric.statistics`."""
        n = len(predictions)
        own: Any = self._call(lambda: super(_Checked, self).statistics(predictions, references))  # type: ignore[safe-super]
        if not (isinstance(own, np.ndarray) and own.dtype == np.float64 and own.ndim == 2 and len(own) == n):
            got = f"{own.dtype} {own.shape}" if isinstance(own, np.ndarray) else type(own).__name__
            raise InputError(f"{self.use}: statistics must be a float64 array ({n}, n_statistics), got {got}")
        if not np.isfinite(own).all():
            row = int(np.argwhere(~np.isfinite(own))[0][0])
            raise InputError(f"{self.use}: statistics of row {row} are not finite: {own[row].tolist()}")
        self._check_value(own)
        if self.identity_is_best and self.spec.inputs in ("texts", "labels", "tags"):
            self._check_identity(
                [row[0] if self.spec.inputs == "texts" and isinstance(row, list | tuple) else row for row in references]
            )
        return own

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return the metric's own, if they are notes; see `Metric.notes`."""
        own: Any = self._call(lambda: tuple(super(_Checked, self).notes(predictions, references)))
        for note in own:
            if not isinstance(note, Note):
                raise InputError(f"{self.use}: notes must be bench.metrics.Note, got {type(note).__name__}")
        return cast("tuple[Note, ...]", own)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the metric's own, if there is a value for every leading index; see `Metric.aggregate`."""
        own: NDArray[np.float64] = self._call(
            lambda: np.asarray(super(_Checked, self).aggregate(totals), dtype=np.float64)  # type: ignore[safe-super]
        )
        if own.shape != totals.shape[:-1]:
            raise InputError(
                f"{self.use}: aggregate of totals {totals.shape} must have the shape {totals.shape[:-1]}, got "
                f"{own.shape}; index statistics as totals[..., i], so that many resamples aggregate at once"
            )
        return own

    def _check_value(self, statistics: NDArray[np.float64]) -> None:
        totals = statistics.sum(axis=0)
        value = float(self.aggregate(totals))
        self.aggregate(np.stack([totals] * (len(totals) + 1)))  # as the bootstrap does; no square, which hides a mix-up
        if math.isnan(value):
            raise InputError(
                f"{self.use}: the value is not a number; aggregate must give one for these totals: {totals}"
            )
        reach = _TOLERANCE * max(1.0, abs(value))
        if not self.spec.low - reach <= value <= self.spec.high + reach:
            raise InputError(
                f"{self.use}: the value {value:g} lies outside its spec's range {self.spec.low:g} to {self.spec.high:g}"
            )

    def _check_identity(self, references: Sequence[Any]) -> None:
        same: Any = self._call(lambda: super(_Checked, self).statistics(references, references))  # type: ignore[safe-super]
        value = float(self.aggregate(np.asarray(same).sum(axis=0)))
        best = self.spec.high if self.spec.higher_is_better else self.spec.low
        if abs(value - best) > _TOLERANCE * max(1.0, abs(best)):
            raise InputError(
                f"{self.use}: references scored against themselves give {value:g}, not the best, {best:g}; mend it, "
                "or set identity_is_best = False"
            )

    def _call(self, call: Any) -> Any:
        try:
            return call()
        except BenchError:
            raise
        except (Exception, SystemExit) as error:
            file = plugins.source_file(self.use.rpartition(":")[0], option=OPTION)
            raise InputError(f"{self.use}: {plugins.described(error, file)}") from error
