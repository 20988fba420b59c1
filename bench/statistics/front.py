"""The Pareto front: the methods that no other beats in both score and cost. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return the positions of the points that no other dominates, the cheapest first.

    A point dominates another that it costs no more than, that it scores no less than, and that it is not equal to.
    Equal points stand or fall together.

    Args:
        points: (cost, score), a lower cost and a higher score being better.
    """
    front: list[int] = []
    best: tuple[float, float] | None = None
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1], i)):
        if best is None or points[i][1] > best[1] or points[i] == best:
            front.append(i)
            best = points[i]
    return tuple(front)
