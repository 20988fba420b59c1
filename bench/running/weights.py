"""Trained weights on disk, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.config import SuiteConfig
from bench.core.errors import RunError
from bench.materials.quiet import quiet_transformers
from bench.methods.applying import trainable_state
from bench.methods.base import Method, defines
from bench.tasks.base import Task

WEIGHTS_FILE = "weights.safetensors"
MODEL_FOLDER = "model"


def save_trained(
    model: Any, config: SuiteConfig, folder: Path, *, changed: Mapping[str, torch.Tensor] | None = None
) -> int:
    """Write what training changed, and return its size in bytes.

    Args:
        model: the trained model; for `training.save = "merged"`, after the method's merge.
        config: `training.save` decides between the trainable parameters and the whole model (for a peft method, its
            adapter) by `save_pretrained`.
        folder: the run folder.
        changed: what differs from a fresh model besides the trainable parameters, from `changed_state`; the whole
            model holds it in any case.
    """
    if is_whole(config):
        with quiet_transformers():
            model.save_pretrained(folder / MODEL_FOLDER)
        return sum(file.stat().st_size for file in (folder / MODEL_FOLDER).iterdir())
    from safetensors.torch import save_file

    save_file(trainable_state(model) | dict(changed or {}), folder / WEIGHTS_FILE)
    return (folder / WEIGHTS_FILE).stat().st_size


def is_whole(config: SuiteConfig) -> bool:
    """Return whether a run saves its whole model, not only what training changed."""
    save = config.training.save
    return save == "merged" or (save == "pretrained" and config.method.kind != "peft")


def load_saved(fresh: Any, config: SuiteConfig, folder: Path, device: torch.device) -> Any:
    """Put saved weights into a model freshly built from the same base and method.

    Args:
        fresh: base model under the method, as before training.
        config: the resolved suite.
        folder: the run folder.
        device: where the result shall be.

    Returns:
        The model as it was after training, in evaluation mode.

    Raises:
        RunError: the saved names are not the model's trainable parameters.
    """
    if is_whole(config):
        with quiet_transformers():
            plain = fresh.get_base_model() if hasattr(fresh, "get_base_model") else fresh
            loaded = type(plain).from_pretrained(folder / MODEL_FOLDER, dtype=torch.float32)
        return loaded.to(device).eval()
    from safetensors.torch import load_file

    state = load_file(folder / WEIGHTS_FILE)
    trainable = {name: p for name, p in fresh.named_parameters() if p.requires_grad}
    known = trainable | frozen_state(fresh)
    odd = sorted({*(set(trainable) - set(state)), *(set(state) - set(known))})
    odd += sorted(name for name in set(state) & set(known) if state[name].shape != known[name].shape)
    if odd:
        raise RunError(
            f"{folder / WEIGHTS_FILE}: holds other parameters than the method trains, such as {odd[:3]}; where prepare "
            "or training changes the shape of the model, the method's restore must give a fresh one that shape"
        )
    with torch.no_grad():
        for name, tensor in state.items():
            known[name].copy_(tensor)
    return fresh.eval()


def restore(fresh: Any, method: Method, task: Task, folder: Path) -> Any:
    """Let a method give a fresh model the shape of the one that was saved; return the fresh model.

    Args:
        fresh: base model under the method, as before training.
        method: what made it.
        task: what it is for; names its parts.
        folder: the run folder.
    """
    hooks = [hook for hook in ("prepare", "restore") if defines(method, hook)]
    if hooks and (folder / WEIGHTS_FILE).is_file():
        from safetensors.torch import load_file

        state = load_file(folder / WEIGHTS_FILE)
        names = {id(module): f"{name}." if name else "" for name, module in fresh.named_modules()}
        for part in task.base_models(fresh):
            prefix = names[id(part)]
            method.restore(part, {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)})
        for name, parameter in fresh.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and name in state)  # `prepare` may have frozen some
    return fresh


def changed_state(model: Any, fresh: Any) -> dict[str, torch.Tensor]:
    """Return what does not train and yet differs from a fresh model: buffers, and weights that a hook has set.

    Args:
        model: the trained model.
        fresh: base model under the method, as before training.

    Returns:
        Name -> tensor on the CPU; empty for a method that leaves such things alone.
    """
    before = dict(fresh.named_parameters()) | frozen_state(fresh)
    return {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in frozen_state(model).items()
        if name not in before or before[name].shape != tensor.shape or not torch.equal(before[name], tensor)
    }


def drawn_state(model: Any, new_modules: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the weights that do not train and yet stand in no base model, since the run seed drew them.

    Args:
        model: the trained model.
        new_modules: names of the modules that the base weights lack.
    """
    return {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in frozen_state(model).items()
        if name.rpartition(".")[0] in new_modules
    }


def frozen_state(model: Any) -> dict[str, torch.Tensor]:
    """Return the parameters that do not train, and the buffers that belong to the state of a model, by name."""
    kept = set(model.state_dict(keep_vars=True))
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in kept}
    return {name: p for name, p in model.named_parameters() if not p.requires_grad} | buffers
