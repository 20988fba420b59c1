"""The fair pairs of a study: tuned against default, and each against the reference's of its kind."""

from __future__ import annotations

from collections.abc import Sequence

from bench.comparing.compare import Comparison, adjusted_together
from bench.comparing.family import seed_spreads
from bench.comparing.stored import compare_sides
from bench.experiments.study.result import Final, MethodComparisons, MethodResult
from bench.experiments.study.setup import Study


def allowed_fields(study: Study, methods: Sequence[MethodResult]) -> tuple[str, ...]:
    """Return the fields that two sides may differ in: the steps that the budget came to, and their batch size."""
    configs = [final.config for method in methods for final in method.finals]
    if study.file.budget.steps is not None:
        return ()
    return tuple(
        f"training.{field}"
        for field in ("steps", "batch_size")
        if len({getattr(config.training, field) for config in configs}) > 1
    )


def compare_methods(
    study: Study, methods: Sequence[MethodResult], allowed: Sequence[str]
) -> dict[str, MethodComparisons]:
    """Return every fair pair of every method, p-values corrected by Holm over all of them.

    Args:
        study: names what is compared.
        methods: the reference first.
        allowed: fields that may differ.
    """
    reference = methods[0]

    pairs: dict[str, tuple[tuple[Final | None, Final | None], ...]] = {
        method.name: (
            (method.default, method.tuned),
            (reference.default, method.default) if method is not reference else (None, None),
            (reference.tuned, method.tuned) if method is not reference else (None, None),
        )
        for method in methods
    }
    finals = [final.side for method in methods for final in method.finals if final.side is not None]
    spreads = seed_spreads(finals, study.metrics)
    tables: dict[tuple[str, str], Comparison] = {}
    for pair in (pair for of_method in pairs.values() for pair in of_method):
        key = _key(*pair)
        sides = [final.side for final in pair if final is not None and final.side is not None]
        if key is not None and key not in tables and len(sides) == 2:
            tables[key] = compare_sides(sides, metrics=study.metrics, allow=allowed, spreads=spreads)[0]
    adjusted = dict(zip(tables, adjusted_together(list(tables.values()), "holm"), strict=True))

    def adjusted_of(pair: tuple[Final | None, Final | None]) -> Comparison | None:
        key = _key(*pair)
        return None if key is None else adjusted.get(key)

    return {
        name: MethodComparisons(
            tuned_and_default=adjusted_of(own), defaults=adjusted_of(defaults), tuned=adjusted_of(tuned)
        )
        for name, (own, defaults, tuned) in pairs.items()
    }


def _key(first: Final | None, other: Final | None) -> tuple[str, str] | None:
    """Return what tells a pair of finals from the other pairs; none where there is nothing to compare."""
    if first is None or other is None or first.config.key == other.config.key:
        return None
    return first.config.key, other.config.key
