"""Loss on text that has nothing to do with the task: what it gains in training is what the model forgot.

A model that writes text is asked how well it still predicts other text than it was trained on, before and after.
Causal models read windows of it; encoder-decoder models read the first half of a window and are asked for the second
(the prefix objective of Raffel et al. 2020, section 3.2.1). A classifier predicts no text, so there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import torch
from torch.nn import functional

from bench.core.errors import InputError
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example
from bench.records.record import Forgetting
from bench.tasks.batches import device_of

WINDOW_TOKENS = 64
N_WINDOWS = 16
"""Windows of each text, at equal distances."""


def unrelated_windows(
    texts: Sequence[Example], tokenizer: Any, *, max_positions: int | None
) -> dict[str, torch.Tensor]:
    """Cut unrelated texts into windows.

    Args:
        texts: texts that are never trained on; `id` is the title.
        tokenizer: the base model's.
        max_positions: longest input of the model; none has no limit.

    Returns:
        Title -> ids (n_windows, W), W at most 64, n_windows at most 16.

    Raises:
        InputError: a text has fewer than two tokens.
    """
    longest = min(WINDOW_TOKENS, max_positions or WINDOW_TOKENS)
    windows = {}
    for text in texts:
        with quiet_transformers():  # a whole text is longer than the model's window, and is meant to be
            ids = torch.tensor(tokenizer(text.input, add_special_tokens=False)["input_ids"])
        if len(ids) < 2:
            raise InputError(
                f"data.controls.{text.id}: has {len(ids)} token(s), and a loss needs 2; give a longer text"
            )
        width = min(longest, len(ids))
        n_windows = min(N_WINDOWS, len(ids) // width)
        starts = torch.linspace(0, len(ids) - width, n_windows).long().tolist()
        windows[text.id] = torch.stack([ids[start : start + width] for start in starts])
    return windows


def mean_losses(writers: Iterable[Any], windows: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Return the mean loss of a token of every text in nats, as a mean over writers.

    Args:
        writers: the models that predict text, in evaluation mode, one after the other; the caller turns gradients off.
        windows: what `unrelated_windows` returned.
    """
    losses: dict[str, list[float]] = {title: [] for title in windows}
    for writer in writers:
        for title, ids in windows.items():
            losses[title].append(_mean_loss(writer, ids.to(device_of(writer))))
    return {title: fmean(values) for title, values in losses.items()}


def forgetting(
    before: Mapping[str, float], after: Mapping[str, float], windows: Mapping[str, torch.Tensor]
) -> dict[str, Forgetting]:
    """Return what the record keeps of losses before and after, by title."""
    return {
        title: Forgetting(before_nats=before[title], after_nats=after[title], n_windows=len(ids))
        for title, ids in windows.items()
    }


def _mean_loss(model: Any, ids: torch.Tensor) -> float:
    """Return the mean loss over the targets of windows (N, W)."""
    if model.config.is_encoder_decoder:
        read, targets = ids.tensor_split(2, dim=1)  # (N, W / 2) each
        begin = torch.full_like(targets[:, :1], model.config.decoder_start_token_id)
        decoder_inputs = torch.cat([begin, targets[:, :-1]], dim=1)  # (N, W / 2), shifted by one
        logits = model(input_ids=read, attention_mask=torch.ones_like(read), decoder_input_ids=decoder_inputs).logits
    else:
        targets = ids[:, 1:]
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[:, :-1]
    return float(functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten()))
