"""What metrics read, and where a user's own are: known without reading a suite."""

from __future__ import annotations

from typing import Literal, NamedTuple

Inputs = Literal["texts", "labels", "losses", "generations", "styles", "tags"]
"""What a metric reads.

`texts`: predicted and reference strings; a reference may be a list of several. `labels`: class numbers. `losses`:
summed negative log-likelihood in nats as predictions, token counts as references. `generations`: texts as predictions;
references are not looked at. `styles`: texts as predictions, and the number of the author each is meant to be by as
references. `tags`: of each example the labels of its words, as names or numbers.
"""


class UserMetric(NamedTuple):
    """Where a metric of the user's own is defined."""

    use: str
    sha256: str | None


USER_METRICS: dict[str, UserMetric] = {}
"""Name -> the user's metric of that name, in the configs that this process read: reports know a metric by name."""
