"""LoRA whose first weights come from training batches: EVA, CorDA and LoRA-GA, by peft's own functions.

`apply` makes a plain LoRA, which needs no data, so that shapes and counts are known; `prepare` gives it its start.
Where that changes base weights or ranks, both are saved with the adapter.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from bench.config import PeftMethod, SuiteConfig, TaskConfig
from bench.core.errors import InputError
from bench.methods.adapters import Peft

N_BATCHES = 32
"""Training batches that a start is computed from, at most; a short training split gives fewer."""
EVA_PASSES = 20
"""Passes over them within which the directions of EVA have to settle."""
_IGNORED = -100

Batch = dict[str, torch.Tensor]


class DataStart(Peft):
    """A LoRA that starts from what training batches show."""

    def __init__(self, table: PeftMethod) -> None:
        super().__init__(table)
        self._start = str(table.config["init_lora_weights"])

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Return peft's model with a plain LoRA; `prepare` gives it its start.

        Raises:
            InputError: as `Peft.apply`; a layer is of a kind, or a rank of a size, that the start is not made for.
        """
        adapted = super().apply(model, config, task)
        for name, layer in _layers(adapted).items():
            _check_layer(name, layer, self._start)
        return adapted

    def prepare(self, model: Any, batches: Iterator[Batch]) -> None:
        """Compute the start with peft's own function.

        Raises:
            InputError: peft cannot compute it from these batches.
        """
        given = list(itertools.islice(batches, N_BATCHES))
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        start = {"eva": _start_eva, "corda": _start_corda, "lora_ga": _start_lora_ga}[self._start]
        # what peft shows of its progress would stand among a command's own output
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                start(model, given)
            except (ValueError, TypeError, AttributeError, LookupError, RuntimeError) as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                raise InputError(
                    f"method.config.init_lora_weights = {self._start!r}: peft cannot compute it here: "
                    f"{type(error).__name__}: {error}"
                ) from error
        for parameter in trained:  # peft freezes all but the adapter when it builds one; the head stays the same object
            parameter.requires_grad_(True)

    def restore(self, model: Any, saved: Mapping[str, torch.Tensor]) -> None:
        """Give every layer the rank that EVA had given it."""
        if self._start != "eva":
            return
        from peft import initialize_lora_eva_weights

        ranks = {name: saved.get(f"{name}.lora_A.default.weight") for name in _layers(model)}
        state = {name: torch.empty(0, 0) if weight is None else weight for name, weight in ranks.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            initialize_lora_eva_weights(model, eva_state_dict=state)

    def _configured(self, chosen: Any) -> Any:
        """Start as plain LoRA, from which EVA goes on."""
        if self._start != "eva":
            chosen.init_lora_weights = True
        return chosen


def _layers(model: Any) -> dict[str, Any]:
    """Return the layers that LoRA adapts, by name."""
    return {name: layer for name, layer in model.named_modules() if hasattr(layer, "lora_A")}


def _check_layer(name: str, layer: Any, start: str) -> None:
    from peft.tuners.lora import Linear

    if not isinstance(layer, Linear):
        raise InputError(
            f"method.config.init_lora_weights = {start!r} is made for linear layers, and {name} is none; leave it out "
            "of target_modules"
        )
    rank, limit = layer.r["default"], min(layer.in_features, layer.out_features)
    needed = 2 * rank if start == "lora_ga" else rank
    if needed > limit:
        raise InputError(
            f"method.config.r = {rank} is too large for init_lora_weights = {start!r}: it needs {needed} directions, "
            f"and {name} has {limit}"
        )


# --- EVA -------------------------------------------------------------------------------------------------------------


def _start_eva(model: Any, batches: Sequence[Batch]) -> None:
    """Set A to the main directions of each layer's inputs, and spread the ranks by the variance they explain.

    Paischer et al. 2024, One Initialization to Rule them All, arXiv:2410.07170.
    """
    from peft import initialize_lora_eva_weights

    n_forward = itertools.count(1)

    def forward(base: Any, batch: Batch) -> Any:
        if next(n_forward) > EVA_PASSES * len(batches) + 1:
            raise InputError(
                f"method.config.init_lora_weights = 'eva': its directions did not settle in {EVA_PASSES} passes over "
                f"{len(batches)} batches; lower method.config.r, eva_config.rho or eva_config.tau, or raise "
                "training.batch_size"
            )
        return base(**batch)

    use_labels = model.peft_config["default"].eva_config.use_label_mask
    initialize_lora_eva_weights(
        model,
        list(batches),
        forward_fn=forward,
        prepare_model_inputs_fn=lambda batch, _: _masks(batch, use_labels=use_labels),
        prepare_layer_inputs_fn=_chosen_rows,
        gather_distributed_inputs=False,  # every process reads the same rows
        show_progress_bar=False,
    )


def _masks(batch: Batch, *, use_labels: bool) -> dict[str, torch.Tensor]:
    """Return which positions hold text, for what reads the inputs and for what reads the targets."""
    inputs = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool()  # (B, S)
    targets = batch["labels"] != _IGNORED  # (B,) or (B, T)
    if use_labels and targets.shape == inputs.shape and (inputs & targets).any():
        inputs = inputs & targets
    return {"inputs": inputs, "targets": targets}


def _chosen_rows(given: Any, masks: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Return a layer's inputs (n, D) at the positions that count, from (B, T, D)."""
    states: torch.Tensor = given if isinstance(given, torch.Tensor) else given[0]
    order = ("targets", "inputs") if "decoder" in name.split(".") else ("inputs", "targets")
    for kind in order:
        if states.shape[:-1] == masks[kind].shape:
            return states[masks[kind]]
    return states.flatten(0, -2)


# --- CorDA -----------------------------------------------------------------------------------------------------------


def _start_corda(model: Any, batches: Sequence[Batch]) -> None:
    """Take the base apart along directions that are oriented by the inputs of each layer.

    Yang et al. 2024, CorDA: Context-Oriented Decomposition Adaptation, NeurIPS, arXiv:2406.05223.
    """
    from peft.tuners.lora.config import CordaConfig
    from peft.tuners.lora.corda import preprocess_corda

    config = model.peft_config["default"]
    config.corda_config = config.corda_config or CordaConfig()
    base = model.unload()

    def run() -> None:
        for batch in batches:
            for row in _single_rows(batch):  # peft takes the covariance of one text at a time
                base(**row)

    preprocess_corda(base, config, run_model=run)
    _adapt_again(model, base, "corda")


def _single_rows(batch: Batch) -> Iterator[Batch]:
    """Yield every row as a batch (1, n) of its own without padding."""
    for i in range(len(batch["input_ids"])):
        row = {name: values[i : i + 1] for name, values in batch.items()}
        if "attention_mask" in row:
            kept = row["attention_mask"][0].bool()  # (S,)
            row = {n: v[:, kept] if v.dim() == 2 and v.shape == (1, len(kept)) else v for n, v in row.items()}
        labels = row["labels"]
        if labels.dim() == 2 and labels.shape != row["input_ids"].shape:  # the decoder's own
            row["labels"] = labels[:, labels[0] != _IGNORED]
        yield row


# --- LoRA-GA ---------------------------------------------------------------------------------------------------------


def _start_lora_ga(model: Any, batches: Sequence[Batch]) -> None:
    """Align the first step with that of full fine-tuning: A and B from the singular vectors of the mean gradient.

    Wang, Yu & Li 2024, LoRA-GA: Low-Rank Adaptation with Gradient Approximation, NeurIPS, arXiv:2407.05000.
    """
    from peft.tuners.lora import LoraGAConfig, preprocess_loraga

    config = model.peft_config["default"]
    config.lora_ga_config = config.lora_ga_config or LoraGAConfig()
    base = model.unload()

    def step() -> None:
        for batch in batches:
            base(**batch).loss.backward()

    preprocess_loraga(base, config, step)
    _adapt_again(model, base, "lora_ga")


def _adapt_again(model: Any, base: nn.Module, start: str) -> None:
    """Put the adapter back around the base, this time by its own start."""
    model.peft_config["default"].init_lora_weights = start
    model.base_model.inject_adapter(base, "default")
