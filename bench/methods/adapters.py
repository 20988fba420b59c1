"""Methods of the peft library, from a table in the suite file or in the library."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import TrainerCallback
from transformers.pytorch_utils import Conv1D

from bench.config import PeftMethod, SuiteConfig, TaskConfig, TrainingConfig
from bench.core.errors import InputError, suggest
from bench.materials.heads import untie_output_layer
from bench.methods.base import Method
from bench.methods.freezing import head_of
from bench.methods.peft_options import check_options

if TYPE_CHECKING:
    from peft.tuners.adalora import AdaLoraModel

_PROMPTS = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING")
_TARGETS = {
    "distilbert": {
        "IA3": {"target_modules": ["k_lin", "v_lin", "lin2"], "feedforward_modules": ["lin2"]},
        "": {"target_modules": ["q_lin", "v_lin"]},
    }
}
"""Model type -> peft type (`""`: any) -> what peft's own tables say of other types, and of this one leave out."""

_ADAPT_OTHER_MODULES = ("TRAINABLE_TOKENS", "ADAPTION_PROMPT", "SHADOW")
"""Types that adapt embeddings or whole blocks, and find them by themselves."""

_ADALORA_WARMUP, _ADALORA_FINAL = 0.1, 0.5
"""Shares of the steps before AdaLoRA starts to prune, and after it has. Zhang et al. 2023 give steps for each task of
GLUE; on the larger ones these are about a tenth and about a half of all."""


class Peft(Method):
    """Attach the adapter that a peft configuration describes, and unfreeze the modules that train beside it.

    Modules of `also_train` are unfrozen in place rather than copied (peft's `modules_to_save`), so that parameters
    count as in the papers: base plus adapter.
    """

    def __init__(self, table: PeftMethod) -> None:
        self._table = table
        self._type = str(table.config["peft_type"]).upper()
        self.changes_forward = self._type in _PROMPTS
        initial = table.config.get("init_lora_weights")
        self._takes_base_apart = isinstance(initial, str) and initial not in ("gaussian", "orthogonal")  # as PiSSA does
        alone = self._takes_base_apart or self.changes_forward or self._type == "ADALORA"
        self.shares_base = not (table.also_train or alone)

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Return peft's model around the base.

        Raises:
            InputError: peft does not know the type or a key, or finds none of its target modules; a module of
                `also_train` is not there.
        """
        chosen = self._configured(_config(self._table))
        _choose_targets(model, chosen, self._type)
        beside = {name: model.get_submodule(name) for name in self._table.also_train if _has(model, name)}
        if any(module is model.get_output_embeddings() for module in beside.values()):
            untie_output_layer(model)
        trained = [*beside.values(), *(head_of(model) if self._table.head else [])]
        try:
            adapted = self._adapted(model, chosen)
        except (ValueError, TypeError) as error:
            raise InputError(f"method.config: peft refuses it: {error}") from None
        except (AttributeError, LookupError, NotImplementedError) as error:
            raise InputError(f"method.config: peft cannot do it here: {type(error).__name__}: {error}") from error
        for module in trained:
            module.requires_grad_(True)
        return adapted

    def _configured(self, chosen: Any) -> Any:
        """Return peft's configuration as `apply` uses it."""
        return chosen

    def _adapted(self, model: Any, chosen: Any) -> Any:
        if self._type in _PROMPTS:
            from bench.methods.prompts import with_prompt

            return with_prompt(model, chosen)
        from peft import get_peft_model
        from peft.tuners.boft import layer as boft

        if self._takes_base_apart and model.device.type == "meta":
            chosen.init_lora_weights = True  # without weights there is nothing to take apart, and shapes are the same
        boft._FBD_CUDA = False  # peft would compile one where it can, and do another method where it cannot
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = get_peft_model(model, chosen)
        for name, parameter in adapted.named_parameters():
            if ".ranknum." in name:  # AdaLoRA's count of ranks, which peft thaws on the meta device
                parameter.requires_grad_(False)
        return adapted

    def optimizer(self, model: nn.Module, training: TrainingConfig) -> torch.optim.Optimizer | None:
        """Return LoRA+'s, which gives every B a learning rate of its own; none for any other method."""
        ratio = self._table.lora_plus_ratio
        if ratio is None:
            return None
        from peft.optimizers import create_loraplus_optimizer

        kind = torch.optim.SGD if training.optimizer == "sgd" else torch.optim.AdamW
        return create_loraplus_optimizer(
            model,
            kind,
            lr=training.learning_rate,
            loraplus_lr_ratio=ratio,
            loraplus_weight_decay=training.weight_decay,
        )

    def callbacks(self, model: nn.Module, training: TrainingConfig) -> Sequence[TrainerCallback]:
        """Return what prunes AdaLoRA's ranks; nothing for any other method."""
        if self._type != "ADALORA":
            return ()
        return (_RankAllocation(_tuner_of(model), given=self._table.config),)

    def penalty(self, model: nn.Module) -> torch.Tensor | None:
        """Return how far AdaLoRA's A and B are from orthogonal, weighted; none for any other method.

        It is peft's own term, which peft adds only to a loss that the model computes itself.
        """
        if self._type != "ADALORA":
            return None
        gaps = []
        for name, parameter in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                product = parameter @ parameter.T if "lora_A" in name else parameter.T @ parameter  # (r, r)
                gaps.append(torch.linalg.matrix_norm(product - torch.eye(len(product), device=product.device)))
        weight = _tuner_of(model).peft_config["default"].orth_reg_weight
        return weight * torch.stack(gaps).mean()

    def merge(self, model: Any) -> Any:
        """Return the base model with the adapter folded in.

        Raises:
            InputError: a prompt is no weight of the base model.
        """
        if self._type in _PROMPTS:
            raise InputError(
                f"training.save = 'merged': {self._type} adds a prompt, which has no place in the base model; use "
                "'trainable'"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where the output layer is not tied, peft corrects the configuration
            return model.merge_and_unload()


class _RankAllocation(TrainerCallback):  # type: ignore[misc]
    """Prunes AdaLoRA's ranks to its target, on a schedule that is scaled to the steps there are."""

    def __init__(self, tuner: AdaLoraModel, *, given: dict[str, Any]) -> None:
        self._tuner = tuner
        self._given = given

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the schedule, where the table does not."""
        chosen = self._tuner.peft_config["default"]
        total = max(int(state.max_steps), 2)  # a step rates the ranks before one prunes them; a single step only rates
        if "total_step" in self._given:
            if chosen.total_step > total:
                raise InputError(
                    f"method.config.total_step = {chosen.total_step}, and the run has {total} steps: its ranks would "
                    "not come down to target_r; lower it, or leave it out to have it scaled"
                )
            return
        chosen.total_step = total
        if "tfinal" not in self._given:
            chosen.tfinal = max(0, min(round(_ADALORA_FINAL * total), total - 2))
        if "tinit" not in self._given:
            chosen.tinit = max(0, min(round(_ADALORA_WARMUP * total), total - chosen.tfinal - 2))
        if chosen.tinit >= total - chosen.tfinal:
            raise InputError(
                f"method.config: tinit = {chosen.tinit} and tfinal = {chosen.tfinal} leave no step to prune in, of "
                f"{total}; lower them, or leave them out to have them scaled"
            )

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Rate the ranks by the gradients of the step that is being done, and mask those below the budget."""
        self._tuner.update_and_allocate(state.global_step + 1)


def _tuner_of(model: Any) -> AdaLoraModel:
    return model.base_model


def _choose_targets(model: Any, config: Any, kind: str) -> None:
    """Name the modules to adapt where neither the table nor peft's own tables by model type do."""
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING

    if getattr(config, "target_modules", "") is not None or kind in _ADAPT_OTHER_MODULES:
        return
    model_type = model.config.model_type
    known = getattr(PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type], "target_module_mapping", {})
    if model_type in (TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING if kind == "IA3" else known):
        return
    if kind == "LN_TUNING":
        config.target_modules = {name for name, module in model.named_modules() if _is_norm(module)}
        return
    targets = _TARGETS.get(model_type, {})
    values = (
        targets.get(kind) or targets.get("") or {"target_modules": _linear_layers(model), "feedforward_modules": []}
    )
    for key, value in values.items():
        if hasattr(config, key):
            setattr(config, key, set(value))


def _is_norm(module: nn.Module) -> bool:
    return type(module).__name__.endswith("Norm")


def _linear_layers(model: Any) -> list[str]:
    """Return the linear layers of the body, by their whole names."""
    outside = {model.get_output_embeddings(), *(inner for module in head_of(model) for inner in module.modules())}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module not in outside
    ]


def _config(table: PeftMethod) -> Any:
    """Return peft's own configuration."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    from peft.utils import PeftType

    values = dict(table.config)
    peft_type = str(values.pop("peft_type")).upper()
    kinds = {kind.value: config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    if peft_type not in kinds:
        raise InputError(f"method.config.peft_type = {peft_type!r} is not known to peft{suggest(peft_type, kinds)}")
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(peft_type)]
    check_options(peft_type, values, config_class)
    if peft_type == "BOFT" and values.get("boft_n_butterfly_factor", 1) > 1:
        raise InputError(
            "method.config.boft_n_butterfly_factor: peft has more than 1 through a compiled extension for CUDA alone, "
            "which would be another method on every other machine; use 1"
        )
    if peft_type == "ADALORA":
        values.setdefault("total_step", sys.maxsize)  # replaced when training knows it
    allowed = set(config_class.__dataclass_fields__)
    for key in values:
        if key not in allowed:
            raise InputError(f"method.config.{key} is not a key of {config_class.__name__}{suggest(key, allowed)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return config_class(**values)
    except (ValueError, TypeError) as error:
        raise InputError(f"method.config: peft refuses it: {error}") from None


def _has(model: Any, name: str) -> bool:
    names = [module for module, _ in model.named_modules() if module]
    if name not in names:
        tops = [module for module, _ in model.named_children()]
        raise InputError(f"method.also_train: {name!r} is no module of the model{suggest(name, tops)}")
    return True
