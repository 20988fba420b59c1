"""The letters of a leaderboard: family-wise error and power, beside what each pair's own spread would give."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.families import Boards, Family, draw_boards, family_wise_error, power, seed_deviation
from calibration.section import Row, Section, share

N_BOARDS, N_BOARDS_OF_POWER = 4000, 1000
N_METHODS = 8
LOW, STRONG = 0.2, 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersWorld:
    """One row: a family, and how its luck is called."""

    family: Family
    luck: str


def _world(n_seeds: int, n_examples: int, luck: str, lucks: tuple[float, ...]) -> LettersWorld:
    return LettersWorld(family=Family(n_seeds=n_seeds, n_examples=n_examples, lucks=lucks), luck=luck)


LUCKS = {
    "equal": (STRONG,) * N_METHODS,
    "one has three times": (STRONG, *(LOW,) * (N_METHODS - 1)),
    "half have three times": (*(STRONG,) * (N_METHODS // 2), *(LOW,) * (N_METHODS - N_METHODS // 2)),
}
WORLDS = [
    _world(n_seeds, n_examples, luck, lucks)
    for n_seeds in (3, 5, 10)
    for n_examples in (50, 400, 2000)
    for luck, lucks in LUCKS.items()
]


def row(world: LettersWorld) -> Row:
    """Return a world's row."""
    family = world.family
    boards = draw_boards(family, N_BOARDS if family.n_examples < 2000 else N_BOARDS // 2, seed=2026)
    few = draw_boards(family, N_BOARDS_OF_POWER, seed=2027)
    gain = _gain_found_half_the_time(few)
    return (
        str(family.n_seeds),
        f"{family.n_examples:,}",
        world.luck,
        share(family_wise_error(boards, pooled=True)),
        share(family_wise_error(boards, pooled=False)),
        f"{gain:.3f}",
        share(power(few, gain, pooled=True)),
        share(power(few, gain, pooled=False)),
    )


def _gain_found_half_the_time(boards: Boards) -> float:
    """Return the gain, to 3 digits, whose pairs are told apart half of the time by their own spread."""
    low, high = 0.0, 1.0
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (middle, high) if power(boards, middle, pooled=False) < 0.5 else (low, middle)
    return round(high, 3)


SECTION = Section(
    name="letters",
    title="Many methods on one board: letters",
    before=f"""A leaderboard of {N_METHODS} equal methods, accuracy 0.8, {N_BOARDS:,} boards a row
({N_BOARDS // 2:,} for 2,000 test rows), and in how many of them *some* pair is told apart. It should be 5 % at most;
6 % is allowed for simulation error. The luck of a seed moves accuracy by a standard deviation of
{seed_deviation(STRONG):.3f} where it is equal. Where it is not, some methods have that and the others
{seed_deviation(LOW):.3f}: a third of it on the scale that is cut into right and wrong.

- **some pair told apart**: the false findings of a board as it is made now: seeds not paired between methods, the
  variance over seeds by the family ([bench/statistics/spread.py](../bench/statistics/spread.py)), pairs corrected
  as Shaffer does.
- **by own spread**: the same where each pair is judged by its own seeds alone (Welch, Satterthwaite) and Holm.
- **found**: one method is better by the gain, which is chosen so that its pairs are told apart half of the time by
  their own spread; mean over which method is the better one, {N_BOARDS_OF_POWER:,} boards.""",
    headings=(
        "seeds",
        "test rows",
        "luck",
        "some pair told apart",
        "by own spread",
        "gain",
        "found",
        "found by own spread",
    ),
    worlds=WORLDS,
    row=row,
    quick=(0,),
    after="""What to make of it: with three seeds a pair's own spread is near 0 by luck now and then, and among 28 pairs
the luckiest is found. The family's spread mends that, and finds more, since eight methods show how far seeds move a
score where three seeds of one do not. With ten seeds both find the same. Two methods alone are judged by their own
seeds: there is no family to learn from, and one pair only to be wrong about.""",
)
