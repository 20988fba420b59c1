"""Writing after an author: windows and losses against transformers' own, samples that know only their seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from bench.core import seeds
from bench.core.errors import InputError
from bench.materials.splits import Example
from bench.tasks.writing import task as writing

WINDOW = 10
WIDE = "model.architecture.config.initializer_range=0.3"  # logits far apart, so that a wrong one shows
KINDS = [("gulliver", "full"), ("gulliver", "lora"), ("alice_edgar", "full"), ("alice_edgar", "lora")]
kinds = pytest.mark.parametrize(("suite", "method"), KINDS)
suites = pytest.mark.parametrize("suite", ["gulliver", "alice_edgar"])


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _pieces(suite: str, *overrides: str, method: str = "full", seed: int = 0) -> tiny.Pieces:
    """Return a miniature whose two writers, where there are two, no longer agree."""
    pieces = tiny.assemble(tiny.small(suite, WIDE, *overrides, method=method), seed=seed)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in pieces.model.named_parameters():
            if parameter.requires_grad and ("lora_B" in name or name.startswith("models.1.")):
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return pieces


def _writers(pieces: tiny.Pieces) -> list[Any]:
    """Return one function an author, from ids (B, W) to transformers' own mean loss."""

    def loss(author: int, ids: torch.Tensor) -> float:
        model = pieces.model.writer(author) if len(pieces.splits.train) == 2 else pieces.model
        with torch.inference_mode():
            return float(model(input_ids=ids, labels=ids).loss)

    return [lambda ids, author=author: loss(author, ids) for author in range(len(pieces.splits.train))]


def _streams(pieces: tiny.Pieces, split: str) -> list[list[int]]:
    texts = [example.input for example in getattr(pieces.splits, split)]
    return [pieces.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


# --- windows ---------------------------------------------------------------------------------------------------------


@suites
def test_windows_start_at_every_token_and_those_of_a_shorter_text_come_round_again(suite: str) -> None:
    pieces = _pieces(suite)
    streams, items = _streams(pieces, "train"), pieces.train_items
    n_starts = [len(stream) - WINDOW + 1 for stream in streams]
    assert [item["index"] for item in items] == list(range(max(n_starts)))
    positions = [0, 1, min(n_starts) - 1, min(n_starts) % max(n_starts), max(n_starts) - 1]
    batch = pieces.task.collate([items[i] for i in positions])
    assert list(batch) == ["input_ids"]
    assert batch["input_ids"].tolist() == [
        [stream[i % n : i % n + WINDOW] for stream, n in zip(streams, n_starts, strict=True)] for i in positions
    ]
    for author, n in enumerate(n_starts):
        assert {item["starts"][author] for item in items} == set(range(n))
    assert {pieces.task.n_tokens(item) for item in items} == {WINDOW * len(streams)}


@suites
def test_validation_windows_stand_side_by_side_and_are_as_many_for_each_author(suite: str) -> None:
    pieces = _pieces(suite, "task.window_tokens=8")
    streams = _streams(pieces, "validation")
    n_windows = min(len(stream) for stream in streams) // 8
    batch = pieces.task.collate(pieces.validation_items)["input_ids"]
    for author, stream in enumerate(streams):
        assert batch[:, author].flatten().tolist() == stream[: 8 * n_windows]


def test_a_validation_part_shorter_than_a_window_is_one_window() -> None:
    pieces = _pieces("gulliver", "task.window_tokens=60", "data.validation_share=0.001")
    (stream,) = _streams(pieces, "validation")
    assert 2 <= len(stream) < 60, "one paragraph"
    assert pieces.task.collate(pieces.validation_items)["input_ids"].tolist() == [[stream]]


# --- losses ----------------------------------------------------------------------------------------------------------


@kinds
def test_loss_is_transformers_own_and_of_two_authors_the_mean(suite: str, method: str) -> None:
    pieces = _pieces(suite, method=method)
    batch = pieces.task.collate(pieces.train_items[:: len(pieces.train_items) // 5])
    with torch.inference_mode():
        got = pieces.task.loss(pieces.model, batch)
    own = [loss(batch["input_ids"][:, author]) for author, loss in enumerate(_writers(pieces))]
    assert float(got.loss) == pytest.approx(sum(own) / len(own), abs=1e-5)
    if len(own) == 2:
        swapped = [loss(batch["input_ids"][:, 1 - author]) for author, loss in enumerate(_writers(pieces))]
        assert abs(sum(swapped) - sum(own)) > 1e-2, "the test could not tell the writers apart"
    n_windows, n_authors, width = batch["input_ids"].shape
    assert got.n_targets == n_windows * n_authors * (width - 1)
    assert got.unmasked is got.n_correct is None


@kinds
def test_passage_losses_are_sums_over_windows_in_any_batch(suite: str, method: str) -> None:
    pieces = _pieces(suite, method=method)
    items = [dict(item) for item in pieces.test_items]
    items[0]["passage"] = items[0]["passage"][: 2 * WINDOW + 1]  # its last window has no target
    items[1]["passage"] = items[1]["passage"][: 2 * WINDOW]
    losses, n_targets = [], []
    for item in items:
        windows = [w for w in item["passage"].split(WINDOW) if len(w) > 1]
        loss = _writers(pieces)[item["author"]]
        losses.append(sum(loss(window[None]) * (len(window) - 1) for window in windows))
        n_targets.append(sum(len(window) - 1 for window in windows))
    assert n_targets[:2] == [2 * (WINDOW - 1)] * 2
    for size in (1, 5):
        got = pieces.predict(items, batch_size=size)
        np.testing.assert_allclose(got.losses_nats, losses, rtol=1e-5)
        assert got.n_targets.tolist() == n_targets


@suites
def test_the_held_out_part_is_cut_into_as_many_passages_as_samples(suite: str) -> None:
    pieces = _pieces(suite)
    n, length = pieces.config.task.n_samples, pieces.config.task.sample_tokens  # type: ignore[union-attr]
    for author, stream in enumerate(_streams(pieces, "test")):
        own = [item for item in pieces.test_items if item["author"] == author]
        assert [len(own), torch.cat([item["passage"] for item in own]).tolist()] == [n, stream]
        assert [item["human"] for item in own] == [
            pieces.tokenizer.decode(item["passage"][:length], skip_special_tokens=True) for item in own
        ]
    ids = [item["id"] for item in pieces.test_items]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids), "numbers are padded"


# --- samples ---------------------------------------------------------------------------------------------------------


@kinds
def test_a_sample_depends_on_its_seed_and_not_on_its_batch_or_its_place(suite: str, method: str) -> None:
    pieces = _pieces(suite, method=method)
    state = torch.get_rng_state()
    one = pieces.predict(batch_size=1)
    assert pieces.predict(batch_size=5).predictions == one.predictions
    backwards = pieces.predict(pieces.test_items[::-1], batch_size=2)
    assert (backwards.predictions[::-1], backwards.ids[::-1]) == (one.predictions, one.ids)
    assert backwards.references[::-1] == one.references
    np.testing.assert_allclose(backwards.losses_nats[::-1], one.losses_nats, rtol=1e-5)
    assert len(set(one.predictions)) == len(pieces.test_items), "samples all alike would hide a wrong order"
    assert torch.equal(torch.get_rng_state(), state)


@suites
def test_the_run_seed_decides_every_sample_and_training_changes_no_seed(suite: str) -> None:
    first, second = (_pieces(suite, seed=seed) for seed in (0, 1))
    for seed, pieces in enumerate((first, second)):
        expected = [seeds.derive(seed, "samples", i) for i in range(len(pieces.test_items))]
        assert [item["seed"] for item in pieces.test_items] == expected
    before, other = first.predict(), second.predict()
    assert not set(before.predictions) & set(other.predictions)
    np.testing.assert_array_equal(before.losses_nats, other.losses_nats)  # the base weights are the suite's
    first.train()
    with torch.no_grad():
        for parameter, fresh in zip(first.model.parameters(), second.model.parameters(), strict=True):
            parameter.copy_(fresh)  # undo what was learnt
    assert first.predict().predictions == before.predictions


@suites
def test_samples_have_the_length_asked_for_and_no_banned_token(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[int]] = []
    sample = writing.sample

    def watched(*arguments: Any, **more: Any) -> list[list[int]]:
        found = sample(*arguments, **more)
        drawn.extend(found)
        return found

    monkeypatch.setattr(writing, "sample", watched)
    flat = ("model.architecture.config.initializer_range=0.01", "task.n_samples=6")
    free = _pieces(suite, *flat, "task.banned_tokens=[]")
    free.predict()
    everything, drawn = drawn, []
    pieces = _pieces(suite, *flat, "task.banned_tokens=['[a-l].*']")
    texts = pieces.predict().predictions
    length = pieces.config.task.sample_tokens  # type: ignore[union-attr]
    n_words = len(pieces.tokenizer)
    for ids in everything:
        assert len(ids) == length
        assert not {pieces.tokenizer.eos_token_id, pieces.tokenizer.pad_token_id} & set(ids)
        assert max(ids) < n_words, "the model has rows for more tokens than there are"
    words = [pieces.tokenizer.convert_ids_to_tokens(ids) for ids in drawn]
    assert texts == tuple(" ".join(row) for row in words)
    used = {word[0] for row in words for word in row}
    before = {word[0] for row in everything for word in free.tokenizer.convert_ids_to_tokens(row)}
    assert len(before & set("abcdefghijkl")) > 5
    assert not used & set("abcdefghijkl[")
    assert used & set("mnopqrstuvwxyz")


@suites
def test_a_prompt_and_a_penalty_reach_the_sampler(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def told(model: Any, prompt: list[int], seeds_: list[int], **more: Any) -> list[list[int]]:
        seen.append((prompt, more["penalty"], more["n_tokens"]))
        return [[5]] * len(seeds_)

    monkeypatch.setattr(writing, "sample", told)
    pieces = _pieces(suite, "task.prompt='The boy'", "task.repetition_penalty=1.5")
    assert set(pieces.predict().inputs) == {"The boy"}
    prompt = pieces.tokenizer.convert_tokens_to_ids(["the", "boy"])
    length = pieces.config.task.sample_tokens  # type: ignore[union-attr]
    assert seen == [(prompt, 1.5, length)] * len(pieces.splits.train)
    _pieces(suite).predict()
    assert seen[-1][0] == [pieces.tokenizer.eos_token_id], "nothing to continue: the begin token"


@pytest.mark.parametrize(("suite", "control"), [("gulliver", "text"), ("alice_edgar", -1)])
def test_human_texts_stand_where_samples_do(suite: str, control: Any) -> None:
    pieces = _pieces(suite)
    texts = pieces.task.human_texts(pieces.splits)
    human = {name: text.predictions for name, text in texts.items()}
    assert list(human) == ["held-out", "plain"]
    scored = {name: set(text.metric_inputs) for name, text in texts.items()}
    styles = {"styles"} if control == -1 else set()  # a control text is by none of the authors
    assert scored == {"held-out": {"generations"} | styles, "plain": {"generations"}}
    generated = pieces.predict()
    assert human["held-out"].predictions == tuple(item["human"] for item in pieces.test_items)
    assert (human["held-out"].ids, human["held-out"].references) == (generated.ids, generated.references)
    plain = pieces.splits.controls[0].input
    assert len(human["plain"].predictions) == pieces.config.task.n_samples  # type: ignore[union-attr]
    references = human["plain"].references
    assert set(references) == {-1} if control == -1 else references == human["plain"].predictions
    shown = pieces.tokenizer.decode(pieces.tokenizer(plain)["input_ids"], skip_special_tokens=True)
    assert all(text in shown for text in human["plain"].predictions)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("task.window_tokens=65",), r"task\.window_tokens = 65 is longer than the 64 positions the model has; give"),
        (("task.sample_tokens=64",), r"a prompt of 1 and a sample of 64 tokens are longer .*task\.sample_tokens"),
        (("task.prompt='  '",), r"task\.prompt = '  ' has no tokens; give a text, or leave it out"),
        (("task.banned_tokens=['.*']",), r"task\.banned_tokens = .* bans every token of 256; use narrower patterns"),
        (
            ("task.window_tokens=400", "model.architecture.config.n_positions=512", "data.test_share=0.48",
             "data.texts.day.parts=[{source={kind='generated', name='prose_day', n_examples=12}}]"),
            r"data\.texts\.day: the training part has \d+ tokens, fewer than one window .*task\.window_tokens = 400",
        ),
        (("task.n_samples=40",), r"data\.texts\.day: the held-out part has \d+ tokens, too few for .*n_samples = 40"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_when_it_is_encoded(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _pieces("gulliver", *overrides)


@pytest.mark.parametrize("text", ["", "boy"])
def test_a_validation_part_without_a_target_is_refused(text: str) -> None:
    task = _pieces("gulliver").task
    with pytest.raises(InputError, match=r"data\.texts\.day: the validation part has [01] token.*validation_share"):
        task.encode(None, [Example(id="day", input=text, target=0)], "validation", advance=tiny.nothing)


def test_a_control_too_short_for_its_passages_is_named_as_one() -> None:
    overrides = ["data.controls.plain.parts=[{source={kind='generated', name='prose_plain', n_examples=1}}]"]
    pieces = _pieces("gulliver", *overrides, "task.n_samples=8")
    with pytest.raises(InputError, match=r"data\.controls\.plain: the text has \d+ tokens, too few"):
        pieces.task.human_texts(pieces.splits)
