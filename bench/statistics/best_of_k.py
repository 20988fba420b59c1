"""How good the best of k trials is to be expected: what a search of another size would have found."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb


def best_of_k(values: Sequence[float | None], *, higher_is_better: bool) -> list[float]:
    """Return the expected best value of k of the n trials, for k = 1 to n.

    The exact mean over all subsets of k different trials, drawn without replacement: the unbiased form (Tang et al.
    2020, "Showing Your Work Doesn't Always Work", section 3) of the curve of Dodge et al. 2019 ("Show Your Work",
    section 3), which draws with replacement and so falls short of the best value at k = n.

    Args:
        values: one a trial, (n,); None for a trial that failed, which counts as the worst value of the others: it took
            its share of the budget and gave nothing better.
        higher_is_better: direction.

    Returns:
        n values, never worse from one to the next; none where every trial failed.
    """
    known = [value for value in values if value is not None]
    if not known:
        return []
    worst = min(known) if higher_is_better else max(known)
    ranked = sorted((worst if value is None else value for value in values), reverse=not higher_is_better)
    n = len(ranked)
    # The i-th from the bottom (from 0) is the best of a subset whose other k - 1 trials lie among the i below it.
    return [sum(comb(i, k - 1) * value for i, value in enumerate(ranked)) / comb(n, k) for k in range(1, n + 1)]
