"""Base model and tokenizer: loaded from wherever they lie, counted, and checked against what the suite expects."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

from bench.config import Architecture, GeneratedSource, ModelConfig, SuiteConfig
from bench.core import seeds
from bench.core.errors import InputError, RunError
from bench.core.files import file_sha256
from bench.materials import sources
from bench.materials.sources.built import build_once

Announce = Callable[[str], None]

_FAMILIES = {
    "sequence_classification": transformers.AutoModelForSequenceClassification,
    "seq2seq": transformers.AutoModelForSeq2SeqLM,
    "causal": transformers.AutoModelForCausalLM,
}

_RANDOM_WEIGHTS_VERSION = 3
"""Raised whenever the code below makes other weights or another tokenizer, so that no cache hands out old ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """Where a base model lies on this machine, ready to be loaded as often as needed."""

    folder: Path
    """Folder in the layout of `save_pretrained`, tokenizer included."""
    identity: str
    """Source and revision or hash, as the record keeps it."""


class MeanPooledClassifier(PreTrainedModel):  # type: ignore[misc]
    """An encoder whose token vectors are averaged, under the two-layer head of DistilBERT's classifier.

    Sentence encoders such as MiniLM are trained for the mean of their token vectors (Reimers & Gurevych 2019,
    Sentence-BERT, section 3), which their first token does not stand in for.
    """

    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config)
        self.pre_classifier = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(getattr(config, "seq_classif_dropout", 0.2))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> Any:
        """Return logits (B, n_labels) for token ids or embeddings (B, T[, H]) under a mask (B, T)."""
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds)
        pooled = mean_over_tokens(encoded.last_hidden_state, attention_mask)  # (B, H)
        hidden = self.dropout(torch.relu(self.pre_classifier(pooled)))  # (B, H)
        return transformers.modeling_outputs.SequenceClassifierOutput(logits=self.classifier(hidden))


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return the mean vector (B, H) of hidden states (B, T, H) over the tokens where mask (B, T) is 1."""
    if mask is None:
        return hidden.mean(dim=1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


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
        InputError: random weights without an architecture.
    """
    if isinstance(config.source, GeneratedSource):
        return _random_weights(config, config.source, texts)
    fetched = sources.fetch(config.source, offline=offline, announce=announce)
    gguf = next((file for file in fetched.files if file.suffix == ".gguf"), None)
    if gguf is None:
        return BaseModel(folder=fetched.path, identity=fetched.identity)
    key = hashlib.sha256(fetched.identity.encode()).hexdigest()[:16]

    def convert(folder: Path) -> None:
        announce(f"unpacking {gguf.name} to float32, once")
        _convert_gguf(gguf, folder)

    return BaseModel(folder=build_once(f"gguf-{key}", convert), identity=fetched.identity)


def load_model(config: ModelConfig, base: BaseModel, *, n_labels: int, seed: int) -> PreTrainedModel:
    """Load base weights in float32 under the suite's head.

    A head that the base weights lack is drawn from the run seed's "initial weights" stream, here and nowhere else.

    Args:
        config: the `[model]` table.
        base: what `fetch_base_model` returned.
        n_labels: classes of the head; only a classifier has any.
        seed: the run seed.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        RunError: the model does not count `model.total_parameters`.
    """
    values: dict[str, Any] = {"dtype": torch.float32}
    family = config.family
    loader: Any = _FAMILIES[family]
    if family == "sequence_classification":
        values["num_labels"] = n_labels
        if config.pooling == "mean":
            loader = MeanPooledClassifier
            values["config"] = AutoConfig.from_pretrained(base.folder, num_labels=values.pop("num_labels"))
    torch.manual_seed(seeds.derive(seed, "initial weights"))
    with quiet_transformers():
        model: PreTrainedModel = loader.from_pretrained(base.folder, **values)
    expected = config.total_parameters
    if expected is not None and count_parameters(model) != expected:
        raise RunError(
            f"model.total_parameters: {base.identity} has {count_parameters(model):,} parameters with its head, "
            f"the suite expects {expected:,}; a tied or missing layer changes the recipe: mend the source, or --set "
            f"model.total_parameters={count_parameters(model)} if the new count is meant"
        )
    model.eval()
    return model


def padding_side(config: ModelConfig) -> str:
    """Return the side that batches are padded on: left for causal models, whose last position must be text."""
    return "left" if config.family == "causal" else "right"


def load_tokenizer(base: BaseModel, *, padding_side: str) -> Any:
    """Load the tokenizer; one without a padding token pads with its end token (labels are masked by position)."""
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(base.folder)
    tokenizer.padding_side = padding_side
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def meta_model(config: SuiteConfig) -> PreTrainedModel:
    """Build the suite's model on the meta device: every shape, no weights, no download.

    Raises:
        InputError: the suite writes no `model.architecture` down.
    """
    if config.model.architecture is None:
        raise InputError("model.architecture is missing; parameters cannot be counted without weights")
    built = _transformers_config(config.model.architecture)
    if config.model.family == "sequence_classification":
        built.num_labels = len(config.data.labels)
    with torch.device("meta"), quiet_transformers():
        if config.model.pooling == "mean":
            return MeanPooledClassifier(built)
        model: PreTrainedModel = _FAMILIES[config.model.family].from_config(built)
    if _wants_own_output_layer(config.model.architecture):
        untie_output_layer(model)
    return model


def untie_output_layer(model: Any) -> Any:
    """Give a tied output layer weights of its own, equal to the embeddings it shared, and return it."""
    layer = model.get_output_embeddings()
    if layer.weight is model.get_input_embeddings().weight:
        layer.weight = nn.Parameter(layer.weight.detach().clone())
        model.config.tie_word_embeddings = False
    return layer


def _wants_own_output_layer(architecture: Architecture) -> bool:
    """Return whether an architecture unties its output layer; transformers 5 builds T5 tied whatever is asked for."""
    return architecture.config.get("tie_word_embeddings") is False


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Return the number of parameters, tied ones once; `trainable` counts those with a gradient only."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def _transformers_config(architecture: Architecture) -> Any:
    with quiet_transformers():  # a small vocabulary does not hold the default numbers of special tokens, set later
        return AutoConfig.for_model(architecture.model_type, **architecture.config)


def _random_weights(config: ModelConfig, source: GeneratedSource, texts: list[str]) -> BaseModel:
    if config.architecture is None:
        raise InputError("model.source is generated, which needs model.architecture to know the shapes")
    if source.name != "random_weights":
        raise InputError(f"model.source.name = {source.name!r} is not known; allowed: random_weights")
    architecture = config.architecture
    words = _vocabulary(texts)
    shape = f"{architecture.model_dump_json()}|{config.family}"
    recipe = f"{_RANDOM_WEIGHTS_VERSION}|{shape}|{source.seed}|{words}|{torch.__version__}"
    digest = hashlib.sha256(recipe.encode()).hexdigest()

    def build(folder: Path) -> None:
        built = _transformers_config(architecture)
        tokenizer = _word_tokenizer(words, built.vocab_size, built.model_type)
        built.pad_token_id, built.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
        built.decoder_start_token_id = tokenizer.pad_token_id
        if getattr(built, "bos_token_id", None) is not None:  # T5's configuration has no such key
            built.bos_token_id = tokenizer.eos_token_id
        with torch.random.fork_rng(devices=[]), quiet_transformers():
            torch.manual_seed(source.seed)
            loader = AutoModel if config.family == "sequence_classification" else _FAMILIES[config.family]
            model = loader.from_config(built)
            if _wants_own_output_layer(architecture) and model.get_output_embeddings() is not None:
                # Equal tensors would be tied again on loading, so the layer gets draws of its own.
                nn.init.normal_(untie_output_layer(model).weight, std=model.config.hidden_size**-0.5)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    folder = build_once(f"random-{digest[:16]}", build)
    weights = file_sha256(folder / "model.safetensors")  # not `digest`: two builds of torch can draw the same weights
    return BaseModel(folder=folder, identity=f"generated:random_weights?seed={source.seed}#{weights[:16]}")


def _vocabulary(texts: list[str]) -> list[str]:
    counts = Counter(word for text in texts for word in text.lower().split())
    return sorted(counts, key=lambda word: (-counts[word], word))


def _word_tokenizer(words: list[str], size: int, model_type: str) -> Any:
    """Return a whole-word tokenizer with the special tokens of the model type, at most `size` entries."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>", "<unk>"] if model_type == "t5" else ["[PAD]", "[SEP]", "[UNK]", "[CLS]"]
    vocabulary = {word: i for i, word in enumerate([*special, *words][:size])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special[2]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    begins = {"cls_token": special[3]} if len(special) > 3 else {}
    begin = f"{special[3]} " if begins else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}$A {special[1]}", special_tokens=[(token, vocabulary[token]) for token in special]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special[0], eos_token=special[1], unk_token=special[2], **begins
    )


def _convert_gguf(file: Path, folder: Path) -> None:
    """Rebuild a GGUF model as plain float32 safetensors; what transformers loads from GGUF it refuses to save."""
    from transformers import AutoModelForCausalLM

    with quiet_transformers():
        loaded = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        values = loaded.config.to_dict()
        values.pop("quantization_config", None)
        model = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(values))
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' load reports and bars away: a fresh head is what fine-tuning starts from, not a warning."""
    level = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
