"""Base model and tokenizer: loaded from wherever they lie, counted, and checked against what the suite expects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel

from bench.config import GeneratedSource, ModelConfig, SuiteConfig
from bench.core import seeds
from bench.core.errors import InputError, RunError
from bench.core.progress import Announce
from bench.materials import sources
from bench.materials.gguf import convert_gguf
from bench.materials.heads import HEADS, untie_output_layer
from bench.materials.mean_pooled import MeanPooledClassifier, encoder_keys
from bench.materials.quiet import quiet_transformers
from bench.materials.random_weights import random_weights, transformers_config, wants_own_output_layer
from bench.materials.sources.built import build_once
from bench.materials.weights_check import LoadedWeights

_N_PROBED, _PROBED = 32, 2000
"""Texts that are looked at for unknown words, and how many characters of each."""
_SAVE_TOKENIZER = "save the one that the model was trained with beside it, with tokenizer.save_pretrained(FOLDER)"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """Where a base model lies on this machine, ready to be loaded as often as needed."""

    folder: Path
    """Folder in the layout of `save_pretrained`, tokenizer included."""
    identity: str
    """Source and revision or hash, as the record keeps it."""


def fetch_base_model(
    config: ModelConfig, texts: list[str], *, offline: bool = False, announce: Announce = lambda _: None
) -> BaseModel:
    """Bring a base model into a folder that transformers can load.

    Args:
        config: the `[model]` table.
        texts: training texts; random weights get a word tokenizer made from them.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched or built.

    Raises:
        SourceError: the model cannot be fetched or fails its hash.
        InputError: random weights without an architecture; what was fetched is no whole saved model.
    """
    if isinstance(config.source, GeneratedSource):
        folder, identity = random_weights(config, config.source, texts)
        return BaseModel(folder=folder, identity=identity)
    fetched = sources.fetch(config.source, offline=offline, announce=announce)
    gguf = next((file for file in fetched.files if file.suffix == ".gguf"), None)
    if gguf is None:
        _check_folder(fetched.path, fetched.identity)
        return BaseModel(folder=fetched.path, identity=fetched.identity)
    key = hashlib.sha256(fetched.identity.encode()).hexdigest()[:16]

    def convert(folder: Path) -> None:
        announce(f"unpacking {gguf.name} to float32, once")
        convert_gguf(gguf, folder)

    return BaseModel(folder=build_once(f"gguf-{key}", convert), identity=fetched.identity)


def _check_folder(folder: Path, identity: str) -> None:
    """Refuse what is not the folder of one whole model."""
    names = [file.name for file in sorted(folder.iterdir())]
    if "adapter_config.json" in names:
        raise InputError(
            f"model.source: {identity}: is an adapter of peft (adapter_config.json), which trains on another base "
            "model; fold it in first (model.merge_and_unload().save_pretrained(FOLDER), or training.save = 'merged')"
        )
    if "config.json" not in names:
        there = ", ".join(names[:8]) or "nothing"
        raise InputError(
            f"model.source: {identity}: holds no config.json, so it is no saved model (it holds {there}); give the "
            "folder that save_pretrained wrote"
        )


def load_model(
    config: ModelConfig, base: BaseModel, *, n_labels: int, seed: int, labels: Sequence[str] = ()
) -> PreTrainedModel:
    """Load base weights in float32 under the suite's head; see `load_weights`, which also says what is new."""
    return load_weights(config, base, n_labels=n_labels, seed=seed, labels=labels).model


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseWeights:
    """A base model in memory."""

    model: PreTrainedModel
    """On the CPU, in evaluation mode."""
    new_modules: tuple[str, ...]
    """Modules that the base weights lack and the run seed drew, such as a classifier's head."""


def load_weights(
    config: ModelConfig, base: BaseModel, *, n_labels: int, seed: int, labels: Sequence[str] = ()
) -> BaseWeights:
    """Load base weights in float32 under the suite's head.

    A head that the base weights lack is drawn from the run seed's "initial weights" stream, here and nowhere else.

    Args:
        config: the `[model]` table.
        base: what `fetch_base_model` returned.
        n_labels: classes of the head; only a classifier has any.
        seed: the run seed.
        labels: their names, which the model's configuration shall hold; without, it keeps its own.

    Raises:
        InputError: the files are not wholly those of such a model, and what they lack is no new head; a classifier has
            no padding token.
        RunError: the model does not count `model.total_parameters`.
    """
    place = f"model.source: {base.identity}"
    head = HEADS[config.family]
    torch.manual_seed(seeds.derive(seed, "initial weights"))
    weights = _read_weights(config, base, n_labels if head.has_labels else None, place)
    weights.check_body(place)
    model, new = weights.model, weights.new_modules
    if config.new_head:
        torch.manual_seed(seeds.derive(seed, "initial weights"))
        new = weights.draw_head(place)
    elif head.has_labels:
        weights.check_label_head(place, labels or range_names(n_labels), model.config.architectures or ())
    else:
        weights.check_text_head(place)
    if head.continues_text:
        weights.check_causal(place)
    expected = config.total_parameters
    if expected is not None and count_parameters(model) != expected:
        raise RunError(
            f"model.total_parameters: {base.identity} has {count_parameters(model):,} parameters with its head, "
            f"the suite expects {expected:,}; a tied or missing layer changes the recipe: mend the source, or --set "
            f"model.total_parameters={count_parameters(model)} if the new count is meant"
        )
    if head.has_labels:
        _set_padding(model, base, place)
    if labels:
        model.config.id2label = dict(enumerate(labels))
        model.config.label2id = {label: number for number, label in enumerate(labels)}
    return BaseWeights(model=model.eval(), new_modules=new)


def range_names(n_labels: int) -> tuple[str, ...]:
    """Return the names that transformers gives to labels without any."""
    return tuple(f"LABEL_{number}" for number in range(n_labels))


def _read_weights(config: ModelConfig, base: BaseModel, n_labels: int | None, place: str) -> LoadedWeights:
    """Load what the files hold; what they lack is drawn from torch's generator, as it stands."""
    values: dict[str, Any] = {"dtype": torch.float32}
    loader = HEADS[config.family].loader
    if n_labels is not None:
        values["num_labels"] = n_labels
    try:
        with quiet_transformers():
            if n_labels is not None and config.pooling == "mean":
                loader = MeanPooledClassifier
                values["config"] = AutoConfig.from_pretrained(base.folder, num_labels=values.pop("num_labels"))
                values["key_mapping"] = encoder_keys(values["config"])
            model, info = loader.from_pretrained(
                base.folder, output_loading_info=True, ignore_mismatched_sizes=True, **values
            )
    except MemoryError:
        raise
    except Exception as error:  # each library behind these files has errors of its own, some of them bare
        message = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"{place}: cannot be loaded as model.family = {config.family!r} ({message}); give the folder of a saved "
            "model of that family"
        ) from error
    return LoadedWeights.of(model, info)


def _set_padding(model: Any, base: BaseModel, place: str) -> None:
    """Have a classifier know the padding token: several read the last token before it, and cannot do without.

    Raises:
        InputError: the tokenizer has none, or another than the model.
    """
    pad = load_tokenizer(base, padding_side="right").pad_token_id
    if model.config.pad_token_id is None:
        model.config.pad_token_id = pad
    if model.config.pad_token_id != pad:
        raise InputError(
            f"{place}: config.json says pad_token_id = {model.config.pad_token_id}, the tokenizer pads with {pad}; "
            "mend one of them"
        )


def load_tokenizer(base: BaseModel, *, padding_side: str) -> Any:
    """Load the tokenizer; one without a padding token pads with its end token (labels are masked by position).

    Raises:
        InputError: the folder holds no tokenizer, or one without a token to pad with.
    """
    place = f"model.source: {base.identity}"
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(base.folder)
    except Exception as error:
        message = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{place}: its tokenizer cannot be loaded ({message}); {_SAVE_TOKENIZER}") from error
    files = sorted(set(tokenizer.vocab_files_names.values()))
    if files and not any((base.folder / name).is_file() for name in files):  # transformers makes one of 5 words then
        raise InputError(f"{place}: holds no tokenizer (none of {', '.join(files)}); {_SAVE_TOKENIZER}")
    tokenizer.padding_side = padding_side
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise InputError(
            f"{place}: its tokenizer has neither a padding token nor an end token; set one (tokenizer.pad_token = ...) "
            "and save it again"
        )
    return tokenizer


def check_vocabulary(tokenizer: Any, *, n_embeddings: int | None, texts: Sequence[str], place: str) -> None:
    """Refuse a tokenizer that is not the model's: ids it has no embedding for, or a vocabulary without the words.

    Args:
        tokenizer: what `load_tokenizer` returned.
        n_embeddings: tokens that the model has embeddings for; none where it does not say.
        texts: some of the texts to be read; the first few are looked at.
        place: where the tokenizer came from, for messages.

    Raises:
        InputError: it is not the model's.
    """
    largest = max(tokenizer.get_vocab().values(), default=0)
    if n_embeddings is not None and largest >= n_embeddings:
        raise InputError(
            f"{place}: its tokenizer numbers tokens up to {largest}, the model has embeddings for {n_embeddings} "
            f"(0 to {n_embeddings - 1}); give the tokenizer that the model was trained with"
        )
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    read = [text for text in texts if text.strip()][:_N_PROBED]
    with quiet_transformers():
        ids = [token for text in read for token in tokenizer(text[:_PROBED], add_special_tokens=False)["input_ids"]]
    if ids and all(token == unknown for token in ids):
        raise InputError(
            f"{place}: its tokenizer knows no word of the texts: every token of the first {len(read)} is "
            f"{tokenizer.unk_token}; give the tokenizer that the model was trained with"
        )


def meta_model(config: SuiteConfig) -> PreTrainedModel:
    """Build the suite's model on the meta device: every shape, no weights, no download.

    Raises:
        InputError: the suite writes no `model.architecture` down.
    """
    if config.model.architecture is None:
        raise InputError("model.architecture is missing; parameters cannot be counted without weights")
    built = transformers_config(config.model.architecture)
    head = HEADS[config.model.family]
    if head.has_labels:
        built.num_labels = len(config.data.labels)
    with torch.device("meta"), quiet_transformers():
        if config.model.pooling == "mean":
            return MeanPooledClassifier(built)
        model: PreTrainedModel = head.loader.from_config(built)
    if wants_own_output_layer(config.model.architecture):
        untie_output_layer(model)
    return model


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Return the number of parameters, tied ones once; `trainable` counts those with a gradient only."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)
