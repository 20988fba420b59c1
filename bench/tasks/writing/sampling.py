"""Text sampled from a causal language model, so that neither batch size nor order changes a sample.

Every sample has a generator of its own. Adding Gumbel noise to the scores and taking the greatest is an exact draw from
their softmax (Gumbel 1954, Statistical Theory of Extreme Values; Maddison, Tarlow & Minka 2014, A* Sampling, section
2), so `generate` decodes greedily and torch's global generator is never touched. What is left is arithmetic: another
batch shape can move the low-order bits of the scores, which changes a sample only where two tokens all but tie.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, SuppressTokensLogitsProcessor

from bench.core.errors import InputError


class CountPenalty(LogitsProcessor):  # type: ignore[misc]
    """Divide the probability of every token by r ** c, c the times it was generated already.

    Unlike the penalty of Keskar et al. 2019 (CTRL, section 4.1), which transformers applies once to whatever occurred,
    it grows with every occurrence and depends on no logit's sign; and the prompt does not count.
    """

    def __init__(self, r: float, n_given: int) -> None:
        """Take the penalty and the length of the prompt.

        Args:
            r: above 1.
            n_given: ids at the start of each row that were given, not generated.

        Raises:
            InputError: `r` is 1 or less, or not a number.
        """
        if not r > 1:
            raise InputError(
                f"task.repetition_penalty = {r} must be greater than 1; leave it out to sample without a penalty"
            )
        self._log_r = math.log(r)
        self._n_given = n_given

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores (B, V) less c ln r, for ids (B, T) so far."""
        generated = input_ids[:, self._n_given :]  # (B, T - n_given)
        counts = torch.zeros_like(scores).scatter_add_(1, generated, torch.ones_like(generated, dtype=scores.dtype))
        return scores - counts * self._log_r  # (B, V)


class SeededGumbel(LogitsProcessor):  # type: ignore[misc]
    """Add Gumbel noise to every row of scores, each from a generator of its own: the greatest is then a draw.

    The noise is drawn on the CPU, in double precision and from uniform numbers, so that a seed means the same on every
    device; torch's exponential draws depend on the library that its build uses.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores (B, V) plus noise, one row a seed; a score of -inf stays."""
        n_tokens = scores.shape[1]
        rows = [torch.rand(n_tokens, generator=g, dtype=torch.float64) for g in self._generators]
        uniform = torch.stack(rows).clamp_(min=2**-54)  # (B, V) in (0, 1): 0 comes up, and its noise would be infinite
        noise = -torch.log(-torch.log1p(-uniform))  # 1 - u is as uniform as u, and exact near 0
        return scores.float() + noise.to(scores.device, torch.float32)


def banned_token_ids(tokenizer: Any, patterns: Sequence[str], *, n_vocabulary: int) -> tuple[int, ...]:
    """Return the ids that are never sampled, in order.

    These are the tokens whose decoded text a pattern matches as a whole, every special token (the end token is one),
    and what the model has rows for but the tokenizer has no text for. A token is decoded alone: part of a character
    gives U+FFFD, which is not white space.

    Args:
        tokenizer: the model's.
        patterns: regular expressions, as in `task.banned_tokens`.
        n_vocabulary: rows of the model's output layer.

    Raises:
        InputError: a pattern is not a regular expression, or no token is left.
    """
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise InputError(
                f"task.banned_tokens: {pattern!r} is not a regular expression: {error}; "
                "write a literal bracket, dot or star with a backslash before it"
            ) from None
    texts = tokenizer.batch_decode([[id_] for id_ in range(len(tokenizer))], clean_up_tokenization_spaces=False)
    banned = {id_ for id_, text in enumerate(texts) if any(pattern.fullmatch(text) for pattern in compiled)}
    banned |= {*tokenizer.all_special_ids, *range(len(tokenizer), n_vocabulary)}
    if banned >= set(range(n_vocabulary)):
        raise InputError(
            f"task.banned_tokens = {list(patterns)} bans every token of {n_vocabulary}; use narrower patterns"
        )
    return tuple(sorted(id_ for id_ in banned if id_ < n_vocabulary))


def sample(
    model: Any,
    prompt_ids: Sequence[int],
    seeds: Sequence[int],
    *,
    n_tokens: int,
    banned: Sequence[int],
    penalty: float | None,
    batch_size: int,
    advance: Callable[[int], None],
) -> list[list[int]]:
    """Continue one prompt once for every seed.

    Args:
        model: a causal model, or a peft model around one, in evaluation mode; the caller turns gradients off.
        prompt_ids: what every sample continues, one token or more.
        seeds: one for each sample; the same seed gives the same sample, whatever stands beside it.
        n_tokens: length of a sample, shortest and longest.
        banned: ids that are never sampled.
        penalty: r > 1, see `CountPenalty`; none leaves repetition alone.
        batch_size: samples generated together.
        advance: told after each batch how many samples are done.

    Returns:
        The new ids of each sample, in the order of `seeds`, without the prompt.

    Raises:
        InputError: the penalty is 1 or less, or prompt and sample are longer than the model can read.
    """
    n_given = len(prompt_ids)
    check_length(model, n_given, n_tokens)
    # What is left out here the checkpoint's own settings fill in, so the suite's are given even where they do nothing.
    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        min_new_tokens=n_tokens,  # the end token cannot come before
        max_new_tokens=n_tokens,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        use_cache=True,
        pad_token_id=0,  # nothing is padded
    )
    samples: list[list[int]] = []
    for start in range(0, len(seeds), batch_size):
        chosen = seeds[start : start + batch_size]
        ids = torch.tensor([list(prompt_ids)] * len(chosen), device=model.device)  # (B, n_given)
        processors = LogitsProcessorList([SuppressTokensLogitsProcessor(banned, device=model.device)] if banned else [])
        if penalty is not None:
            processors.append(CountPenalty(penalty, n_given))
        processors.append(SeededGumbel(chosen))
        generated = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            generation_config=settings,
            logits_processor=processors,
        )  # (B, n_given + n_tokens)
        samples += generated[:, n_given:].tolist()
        advance(len(chosen))
    return samples


def check_length(model: Any, n_given: int, n_tokens: int) -> None:
    """Check that a model has positions enough for a prompt and a sample.

    Raises:
        InputError: it has not.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and n_given + n_tokens > limit:
        raise InputError(
            f"a prompt of {n_given} and a sample of {n_tokens} tokens are longer than the {limit} positions the model "
            "has; lower task.sample_tokens (in a style duel: task.over_generation) or shorten task.prompt"
        )
