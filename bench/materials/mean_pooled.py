"""A classifier on the mean of an encoder's token vectors, readable by transformers alone.

`save_pretrained` puts this file beside the weights, where `AutoModel...from_pretrained(FOLDER, trust_remote_code=True)`
finds it. So it imports nothing of bench.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

_NAMED = ("id2label", "label2id", "pad_token_id", "dtype", "problem_type", "transformers_version")
"""What both configurations say."""


class MeanPooledConfig(PretrainedConfig):  # type: ignore[misc]
    """The configuration of a saved classifier: that of its encoder, in a table of its own."""

    model_type = "mean_pooled_encoder"

    def __init__(self, encoder: dict[str, Any] | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.encoder = encoder or {}

    def of_encoder(self) -> Any:
        """Return the encoder's own configuration, with this one's labels."""
        config = AutoConfig.for_model(**self.encoder)
        config.id2label, config.label2id = self.id2label, self.label2id
        return config


class MeanPooledClassifier(PreTrainedModel):  # type: ignore[misc]
    """An encoder whose token vectors are averaged, under the two-layer head of DistilBERT's classifier.

    Sentence encoders such as MiniLM are trained for the mean of their token vectors (Reimers & Gurevych 2019,
    Sentence-BERT, section 3), which their first token does not stand in for.
    """

    config_class = MeanPooledConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: Any) -> None:
        config = config.of_encoder() if hasattr(config, "of_encoder") else config
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
        labels: torch.Tensor | None = None,
        **_: Any,
    ) -> Any:
        """Return logits (B, n_labels) for token ids or embeddings (B, T[, H]) under a mask (B, T).

        With labels (B,), also their mean cross-entropy. Other arguments of classifiers are taken and not used.
        """
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds)
        pooled = mean_over_tokens(encoded.last_hidden_state, attention_mask)  # (B, H)
        hidden = self.dropout(torch.relu(self.pre_classifier(pooled)))  # (B, H)
        logits = self.classifier(hidden)
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def save_pretrained(self, save_directory: str | Path, **values: Any) -> None:
        """Write weights, configuration and this file, so that transformers opens the folder without bench."""
        super().save_pretrained(save_directory, **values)
        write_config(self.config, Path(save_directory))


def write_config(config: Any, folder: Path) -> None:
    """Write the configuration of a classifier on this encoder, and the file that defines it."""
    encoder = {key: value for key, value in config.to_dict().items() if key not in _NAMED}
    shared = {key: value for key, value in config.to_dict().items() if key in _NAMED}
    name = Path(__file__).stem
    own = {
        "model_type": MeanPooledConfig.model_type,
        "architectures": [MeanPooledClassifier.__name__],
        "auto_map": {
            "AutoConfig": f"{name}.{MeanPooledConfig.__name__}",
            "AutoModelForSequenceClassification": f"{name}.{MeanPooledClassifier.__name__}",
        },
        "encoder": encoder,
    }
    text = json.dumps(own | shared, indent=2, sort_keys=True, default=str)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    if folder.resolve() != Path(__file__).resolve().parent:
        shutil.copyfile(__file__, folder / f"{name}.py")


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return the mean vector (B, H) of hidden states (B, T, H) over the tokens where mask (B, T) is 1."""
    if mask is None:
        return hidden.mean(dim=1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def encoder_keys(config: Any) -> dict[str, str]:
    """Return how weights of an encoder are called that was saved under a head (pattern -> name, for `key_mapping`)."""
    if hasattr(config, "of_encoder"):
        return {}
    with torch.device("meta"):
        prefix = AutoModel.from_config(config).base_model_prefix
    return {f"^{re.escape(prefix)}\\.": f"{MeanPooledClassifier.base_model_prefix}."}


AutoConfig.register(MeanPooledConfig.model_type, MeanPooledConfig, exist_ok=True)
