"""Documented claims: what a recipe says of itself, and whether stored runs bear it out. Pure; reads no files.

A claim points at a number of a `RunRecord` by an address (`bench.comparing.claims.address`) and says what it should be
(`bench.comparing.claims.documented`). How it is judged:

- A value or a range is judged only where everything in `Documented.fixed` (profile included) is as the recipe has it;
  elsewhere it is `not comparable`; `departures` names the fields that differ.
- A trend or an ordering of methods is judged there in the same words; elsewhere it is `same direction` or `other
  direction`, on a stand-in. Where its interval over seeds holds zero it is `undecided`, here as there
  (`bench.comparing.claims.trends`).
- An ordering looks at the runs of several methods, which must be alike in all but the method.
- Time and memory are facts about a device. A claim on `cost` that names no device is never judged.
- Over several seeds the mean is judged, and how many seeds would be judged alike on their own is said beside it.
- What a record does not hold is `not measured`, with the reason.
"""

from __future__ import annotations

from bench.comparing.claims.address import Missing, is_series, read
from bench.comparing.claims.documented import (
    AnyClaim,
    Documented,
    OrderingClaim,
    RangeClaim,
    TrendClaim,
    ValueClaim,
    departures,
)
from bench.comparing.claims.judging import judge_claims, unmeasured
from bench.comparing.claims.verdict import ClaimOutcome, ClaimVerdict

__all__ = [
    "AnyClaim",
    "ClaimOutcome",
    "ClaimVerdict",
    "Documented",
    "Missing",
    "OrderingClaim",
    "RangeClaim",
    "TrendClaim",
    "ValueClaim",
    "departures",
    "is_series",
    "judge_claims",
    "read",
    "unmeasured",
]
