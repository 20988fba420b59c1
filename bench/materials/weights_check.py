"""Base weights held to the model that they were loaded into: whole, or with a head that is said to be new.

transformers draws whatever a file lacks at random and goes on. A head that no pretrained body has is meant to be drawn;
a body never is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from bench.core.errors import InputError
from bench.core.wording import plural

_N_NAMED = 3
"""Keys that a message names, of each kind."""
_WRAPPERS = {
    "module.": "torch's DataParallel and DistributedDataParallel wrap a model so; save model.module instead",
    "_orig_mod.": "torch.compile wraps a model so; save model._orig_mod instead",
}
"""Prefix of keys -> where it comes from, and how to get rid of it."""
_OLD_BUFFERS = ("position_ids", "inv_freq", "masked_bias", "token_type_ids")
"""Constants that older versions of transformers wrote among the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights:
    """A model fresh from `from_pretrained`, and what transformers said of its weights."""

    model: PreTrainedModel
    missing: frozenset[str]
    """Weights of the model that the files lack."""
    unexpected: frozenset[str]
    """Weights of the files that the model has no place for."""
    mismatched: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    """Weight -> its shape in the files, and in the model."""
    errors: tuple[str, ...]
    """What else went wrong."""

    @classmethod
    def of(cls, model: PreTrainedModel, info: Mapping[str, Any]) -> LoadedWeights:
        """Read what `from_pretrained(..., output_loading_info=True, ignore_mismatched_sizes=True)` returned."""
        return cls(
            model=model,
            missing=frozenset(info["missing_keys"]),
            unexpected=frozenset(info["unexpected_keys"]),
            mismatched={key: (tuple(there), tuple(here)) for key, there, here in info["mismatched_keys"]},
            errors=tuple(map(str, info["error_msgs"])),
        )

    # --- what is what ---

    @property
    def body_name(self) -> str:
        """Return the attribute that holds the body; empty where the whole model is one."""
        prefix: str = self.model.base_model_prefix
        return prefix if hasattr(self.model, prefix) else ""

    def is_head(self, key: str) -> bool:
        """Return whether a weight is outside the body. A pooler stands for the first token of a text, for the head."""
        inside = key.startswith(f"{self.body_name}.") if self.body_name else True
        return not inside or _is_pooler(key)

    @property
    def head(self) -> dict[str, torch.nn.Parameter]:
        """Return the head's parameters by name, those it shares with the body and a pooler left out."""
        return {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if self.is_head(name) and not _is_pooler(name)
        }

    def is_lost(self, key: str) -> bool:
        """Return whether a weight that has no place belongs into the body: another layer of it, for example."""
        if _is_pooler(key) or key.endswith(_OLD_BUFFERS) or key in dict(self.model.named_buffers()):
            return False
        first = key.removeprefix(f"{self.body_name}.").partition(".")[0]
        body = getattr(self.model, self.body_name) if self.body_name else self.model
        return first in dict(body.named_children())

    @property
    def new_modules(self) -> tuple[str, ...]:
        """Return the modules that hold drawn weights, in the model's order."""
        names = [name for name in self.model.state_dict() if name in self.missing]
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names))

    # --- what is refused ---

    def check_body(self, place: str) -> None:
        """Refuse a body that is not wholly out of the files.

        Args:
            place: what was loaded, for messages.

        Raises:
            InputError: weights are missing, are of another shape, or have no place; names them.
        """
        missing = sorted(key for key in self.missing if not self.is_head(key))
        shapes = [_shapes(key, *both) for key, both in sorted(self.mismatched.items()) if not self._may_be_new(key)]
        lost = sorted(key for key in self.unexpected if self.is_lost(key))
        faults = []
        if missing:
            n_body = sum(not self.is_head(key) for key in self.model.state_dict())
            faults.append(f"lack {len(missing)} of the {n_body} weights of the body ({_some(missing)})")
            if not lost:
                lost = sorted(self.unexpected)
        if shapes:
            faults.append(f"have other shapes ({_some(shapes)})")
        if lost:
            faults.append(f"hold {plural(len(lost), 'weight')} that the model has no place for ({_some(lost)})")
        if self.errors:
            faults.append(f"cannot be loaded ({self.errors[0].splitlines()[0]})")
        if faults:
            raise InputError(
                f"{place}: the weights {', and '.join(faults)}, so part of {type(self.model).__name__} would be "
                f"random: {self._mend(lost)}"
            )

    def _may_be_new(self, key: str) -> bool:
        return self.is_head(key) and not _is_pooler(key)

    def _mend(self, lost: Sequence[str]) -> str:
        for prefix, story in _WRAPPERS.items():
            if lost and all(key.startswith(prefix) for key in lost):
                return f"all of these keys begin with {prefix!r}: {story}"
        first = lost[0].partition(".")[0] + "." if lost else ""
        if lost and all(key.startswith(first) and key.removeprefix(first) in self.missing for key in lost):
            return f"all of these keys begin with {first!r}: save the model without its wrapper"
        return "give the folder of a whole saved model, whose config.json describes the weights beside it"

    def check_label_head(self, place: str, labels: Sequence[str], trained_as: Sequence[str]) -> None:
        """Refuse a classifier whose head is neither wholly out of the files nor new.

        A head without its output layer is new, even where it keeps a layer that the masked-LM head of the same body
        has too (ModernBERT's does).

        Args:
            place: what was loaded, for messages.
            labels: names of the classes; where they are numbers alone, only how many there are counts.
            trained_as: the classes of models whose weights these are (`architectures` of config.json).

        Raises:
            InputError: as said; names the keys.
        """
        mend = "set model.new_head = true to train a new head on the body"
        head = self.head
        if shapes := [_shapes(key, *self.mismatched[key]) for key in head if key in self.mismatched]:
            raise InputError(
                f"{place}: its head does not fit the {len(labels)} labels of the suite ({_some(shapes)}); {mend}, or "
                "mend data.labels"
            )
        output = [key for key, parameter in head.items() if parameter.shape[0] == len(labels)]
        if all(key in self.missing for key in output):
            return
        if missing := [key for key in head if key in self.missing]:
            raise InputError(
                f"{place}: holds a part of the head and lacks another ({_some(missing)}), so it was trained under "
                f"another head; {mend}"
            )
        name = type(self.model).__name__
        if trained_as and name not in trained_as:
            raise InputError(
                f"{place}: its head ({_some(list(head))}) is that of {', '.join(trained_as)}, the suite needs that of "
                f"{name}; {mend}"
            )
        self._check_order(place, labels, mend)

    def _check_order(self, place: str, labels: Sequence[str], mend: str) -> None:
        stored = [str(name) for _, name in sorted(self.model.config.id2label.items())]
        if sorted(map(str.lower, stored)) != sorted(map(str.lower, labels)):
            return  # names of its own, such as LABEL_0, say nothing
        if list(map(str.lower, stored)) != list(map(str.lower, labels)):
            raise InputError(
                f"{place}: its head numbers the labels {', '.join(stored)}, data.labels says {', '.join(labels)}; give "
                f"data.labels in the head's order, or {mend}"
            )

    def check_text_head(self, place: str) -> None:
        """Refuse a model that writes text whose output layer is not wholly out of the files, or that sees ahead.

        Raises:
            InputError: as said; names the keys.
        """
        missing = sorted(key for key in self.missing if self._may_be_new(key))
        shapes = [_shapes(key, *self.mismatched[key]) for key in sorted(self.mismatched) if self._may_be_new(key)]
        if missing or shapes:
            raise InputError(
                f"{place}: the weights have no output layer that fits {type(self.model).__name__} "
                f"({_some([*missing, *shapes])}); give a model that was trained to write text, or set "
                "model.new_head = true to train a new output layer"
            )

    def check_causal(self, place: str) -> None:
        """Refuse an encoder in the place of a causal model: it would read the words that it is to predict.

        Raises:
            InputError: it is one.
        """
        config = self.model.config
        if not getattr(config, "is_encoder_decoder", False) and getattr(config, "is_decoder", True) is False:
            raise InputError(
                f"{place}: a {config.model_type} model reads a text in both directions, so it would see the words that "
                "it is to predict; give a causal model, such as GPT-2 or Llama"
            )

    # --- a new head ---

    def draw_head(self, place: str) -> tuple[str, ...]:
        """Put a freshly drawn head on the body, and return the modules that are new.

        The draws come from torch's generator, as it stands.

        Raises:
            InputError: the model has no head that it does not share with its body.
        """
        head = self.head
        if not head:
            raise InputError(
                f"{place}: model.new_head = true, but the output layer is the input embeddings themselves (tied); "
                "leave it out"
            )
        fresh = type(self.model)(copy.deepcopy(self.model.config))
        with torch.no_grad():
            for name, parameter in head.items():
                parameter.copy_(fresh.get_parameter(name))
        modules = (name.rpartition(".")[0] for name in self.model.state_dict() if name in head or name in self.missing)
        return tuple(dict.fromkeys(modules))


def _is_pooler(key: str) -> bool:
    return "pooler" in key.split(".")


def _shapes(key: str, there: tuple[int, ...], here: tuple[int, ...]) -> str:
    return f"{key}: {list(there)} in the file, {list(here)} in the model"


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - _N_NAMED
    return ", ".join(keys[:_N_NAMED]) + (f", and {more} more" if more > 0 else "")
