"""What a record says of the judge of a style duel."""

from __future__ import annotations

from bench.core.schema import Strict
from bench.records.score import Score


class CalibrationBin(Strict):
    """Chunks whose judge was about equally sure."""

    confidence: float
    """Mean probability of the label it chose."""
    accuracy: float
    """Share that was right."""
    n_chunks: int


class JudgeSummary(Strict):
    """The judge of a style duel, and how far it can be trusted."""

    identity: str
    """Hash of everything that made it: base weights, settings, text. Equal for every run seed."""
    weights_sha256: str
    labels: tuple[str, ...]
    max_length_tokens: int
    n_training_chunks: int
    accuracy: Score
    """On held-out chunks, with its interval."""
    confusion: tuple[tuple[int, ...], ...]
    """Held-out chunks, [true author][author it chose]."""
    calibration_error: float
    """Expected calibration error in [0, 1], over ten bins of equal width (Guo et al. 2017, section 2)."""
    calibration: tuple[CalibrationBin, ...]
    """The bins that hold any chunk."""
    shuffled_accuracy: Score
    """On the same chunks with their words in random order: what is left of it is vocabulary."""
    others: dict[str, tuple[float, ...]]
    """Control text -> share of its chunks that went to each label; by neither author, so no answer is right."""
