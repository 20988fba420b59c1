"""Texts written after an author: random windows to train on, free samples to score.

One author is language modelling; two are a style duel, in which each has a writer of its own
(`bench.tasks.style_duel.writers`) and all train in the same steps, on windows of their own texts. A row of the test
split is one sample: its seed, and a passage of the held-out text, whose loss is measured and whose text stands beside
the sample as what a person wrote.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from bench.config import Inputs, SplitName
from bench.core import seeds
from bench.core.errors import InputError
from bench.core.progress import Advance, no_advance
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example, Splits
from bench.records.predictions import Predictions
from bench.tasks.base import BatchLoss, HumanTexts, Item, Task
from bench.tasks.batches import by_length, device_of, padded
from bench.tasks.writing import WritingTask
from bench.tasks.writing.sampling import banned_token_ids, check_length, sample

MIN_PASSAGE_TOKENS = 16
"""A held-out passage shorter than this says nothing about a loss."""


class Writing(Task):
    """Encoding, loss and sampling for one or two authors."""

    human_inputs: ClassVar[tuple[Inputs, ...]] = ("generations",)
    """What held-out passages give to metrics in the place of samples; control texts always give `generations`."""

    def __init__(self, task: WritingTask, tokenizer: Any, *, n_vocabulary: int, seed: int) -> None:
        self._task = task
        self._tokenizer = tokenizer
        self._seed = seed
        self._banned = banned_token_ids(tokenizer, task.banned_tokens, n_vocabulary=n_vocabulary)
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._prompt: list[int] = self._ids(task.prompt) if task.prompt else [begin]
        if not self._prompt:
            raise InputError(
                f"task.prompt = {task.prompt!r} has no tokens; give a text, or leave it out to start from the model's "
                "begin token"
            )

    # --- encoding ------------------------------------------------------------------------------------------------

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Turn texts into windows, or for `test` into one item a sample.

        Training windows start at every token of the longest text; those of a shorter one come round again. The Trainer
        shuffles them, so that a batch holds random windows.

        Raises:
            InputError: a text is shorter than a window, or a held-out text too short for its passages; a window or a
                sample is longer than the model can read.
        """
        streams = [torch.tensor(self._ids(example.input)) for example in examples]  # (n_tokens,) each
        advance(len(examples))
        if split == "test":
            return self._samples(examples, streams)
        width = self._task.window_tokens
        if split == "validation":
            for example, stream in zip(examples, streams, strict=True):
                if len(stream) < 2:
                    raise InputError(
                        f"data.texts.{example.id}: the validation part has {len(stream)} token(s), and a loss needs 2; "
                        "raise data.validation_share or give a longer text"
                    )
            width = min(width, *(len(stream) for stream in streams))
            n_windows = min(len(stream) // width for stream in streams)
            starts = [[i * width for _ in streams] for i in range(n_windows)]
        else:
            self._check_positions(model)
            for example, stream in zip(examples, streams, strict=True):
                if len(stream) < width:
                    raise InputError(
                        f"data.texts.{example.id}: the training part has {len(stream)} tokens, fewer than one window "
                        f"(task.window_tokens = {width}); give a longer text or a shorter window"
                    )
            n_starts = [len(stream) - width + 1 for stream in streams]
            starts = [[i % n for n in n_starts] for i in range(max(n_starts))]
        return [{"index": i, "streams": streams, "starts": at, "width": width} for i, at in enumerate(starts)]

    def _check_positions(self, model: Any) -> None:
        """Refuse what the model cannot read, before anything is trained, the judge of a duel included."""
        limit = getattr(model.config, "max_position_embeddings", None)
        if limit is not None and self._task.window_tokens > limit:
            raise InputError(
                f"task.window_tokens = {self._task.window_tokens} is longer than the {limit} positions the model has; "
                f"give {limit} or less"
            )
        check_length(model, len(self._prompt), self._task.length)

    def _samples(self, examples: Sequence[Example], streams: Sequence[torch.Tensor]) -> list[Item]:
        n_samples = self._task.n_samples
        items: list[Item] = []
        for example, stream in zip(examples, streams, strict=True):
            if len(stream) < n_samples * MIN_PASSAGE_TOKENS:
                name = example.id
                part = f"texts.{name}: the held-out part" if example.number >= 0 else f"controls.{name}: the text"
                raise InputError(
                    f"data.{part} has {len(stream)} tokens, too few for task.n_samples = {n_samples} passages of "
                    f"{MIN_PASSAGE_TOKENS} or more; give a longer text, hold out a larger share of it, or lower "
                    "task.n_samples"
                )
            for i, passage in enumerate(torch.tensor_split(stream, n_samples)):
                items.append(
                    {
                        "index": len(items),
                        "id": f"{example.id}-{i:0{len(str(n_samples - 1))}d}",
                        "author": example.number,
                        "seed": seeds.derive(self._seed, "samples", len(items)),
                        "passage": passage,  # (n_tokens,)
                        "human": self._decoded(passage[: self._task.length].tolist()),
                    }
                )
        return items

    def _ids(self, text: str) -> list[int]:
        with quiet_transformers():  # a whole book is longer than the model's window, and is meant to be
            ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    # --- training ------------------------------------------------------------------------------------------------

    def encoded_by(self, split: SplitName) -> Hashable:
        """Return the run seed, from which samples draw; windows do not depend on it."""
        return self._seed if split == "test" else None

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return `input_ids` (B, A, W): one window of every author for each item."""
        rows = [
            torch.stack(
                [
                    stream[start : start + item["width"]]
                    for stream, start in zip(item["streams"], item["starts"], strict=True)
                ]
            )
            for item in items
        ]
        return {"input_ids": torch.stack(rows)}

    def model_inputs(self, batch: dict[str, torch.Tensor], part: int) -> dict[str, torch.Tensor]:
        """Return the windows (B, W) of one author, which are their own labels."""
        ids = batch["input_ids"][:, part]
        return {"input_ids": ids, "labels": ids}

    def n_tokens(self, item: Item) -> int:
        """Return the tokens of one item's windows."""
        return int(item["width"]) * len(item["streams"])

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the mean cross-entropy of every next token, over all authors."""
        ids = batch["input_ids"]  # (B, A, W)
        losses = [
            functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), ids[:, author, 1:].flatten())
            for author, logits in enumerate(self._logits(model, ids))
        ]
        return BatchLoss(loss=torch.stack(losses).mean(), n_targets=ids[:, :, 1:].numel())

    def _logits(self, model: Any, ids: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return one (B, W, V) an author, for ids (B, A, W)."""
        raise NotImplementedError

    # --- prediction ----------------------------------------------------------------------------------------------

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Return one sample an item, and the loss of its held-out passage."""
        losses = np.zeros(len(items), dtype=np.float64)
        counts = np.zeros(len(items), dtype=np.int64)
        texts = [""] * len(items)
        for author in sorted({item["author"] for item in items}):
            writer = self._writer(model, author)
            positions = [i for i, item in enumerate(items) if item["author"] == author]
            chosen = [items[i] for i in positions]
            losses[positions], counts[positions] = self._passage_losses(writer, chosen, batch_size)
            drawn = sample(
                writer,
                self._prompt,
                [item["seed"] for item in chosen],
                n_tokens=self._task.length,
                banned=self._banned,
                penalty=self._task.repetition_penalty,
                batch_size=batch_size,
                advance=advance,
            )
            for i, ids in zip(positions, drawn, strict=True):
                texts[i] = self._decoded(ids)
        return self._predictions(items, texts, losses, counts)

    def _writer(self, model: Any, author: int) -> Any:
        """Return the causal model that writes for an author."""
        raise NotImplementedError

    def _passage_losses(
        self, writer: Any, items: Sequence[Item], batch_size: int
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the summed loss of each passage in nats, and its targets; passages are read window by window."""
        windows = [
            (row, window)
            for row, item in enumerate(items)
            for window in torch.split(item["passage"], self._task.window_tokens)
            if len(window) > 1
        ]
        losses, counts = np.zeros(len(items)), np.zeros(len(items), dtype=np.int64)
        device = device_of(writer)
        for positions in by_length([len(window) for _, window in windows], batch_size):
            ids = padded([windows[i][1].tolist() for i in positions], value=0, side="right").to(device)  # (B, W)
            with quiet_transformers():  # padding on the right needs no mask: no position reads a later one
                logits = writer(input_ids=ids, use_cache=False).logits[:, :-1].float()  # (B, W - 1, V)
            each = functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none").cpu()  # (B, W - 1)
            for place, i in enumerate(positions):
                row, window = windows[i]
                losses[row] += float(each[place, : len(window) - 1].double().sum())
                counts[row] += len(window) - 1
        return losses, counts

    def human_texts(self, splits: Splits) -> dict[str, HumanTexts]:
        """Return the held-out passages, and passages of every control text, in the place of samples."""
        held_out = self.encode(None, splits.test, "test", advance=no_advance)
        texts = {"held-out": self._human(held_out, self.human_inputs)}
        for example in splits.controls:
            passages = self._samples([example], [torch.tensor(self._ids(example.input))])
            texts[example.id] = self._human(passages, ("generations",))
        return texts

    def _human(self, items: Sequence[Item], metric_inputs: tuple[Inputs, ...]) -> HumanTexts:
        predictions = self._predictions(items, [item["human"] for item in items])
        return HumanTexts(predictions=predictions, metric_inputs=metric_inputs)

    def _predictions(
        self,
        items: Sequence[Item],
        texts: Sequence[str],
        losses: np.ndarray[Any, Any] | None = None,
        counts: np.ndarray[Any, Any] | None = None,
    ) -> Predictions:
        return Predictions(
            ids=tuple(item["id"] for item in items),
            inputs=tuple(self._task.prompt for _ in items),
            references=self._references(items),
            predictions=tuple(texts),
            losses_nats=np.zeros(len(items)) if losses is None else losses,
            n_targets=np.zeros(len(items), dtype=np.int64) if counts is None else counts,
        )

    def _references(self, items: Sequence[Item]) -> tuple[str, ...] | tuple[int, ...]:
        """Return what stands beside each sample: the human passage, or the author's number."""
        raise NotImplementedError
