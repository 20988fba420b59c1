"""Trained weights on disk, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bench.config import SuiteConfig
from bench.core.errors import RunError
from bench.materials.quiet import quiet_transformers
from bench.methods.applying import trainable_state

WEIGHTS_FILE = "weights.safetensors"
MODEL_FOLDER = "model"


def save_trained(model: Any, config: SuiteConfig, folder: Path) -> int:
    """Write what training changed, and return its size in bytes.

    Args:
        model: the trained model; for `training.save = "merged"`, after the method's merge.
        config: `training.save` decides between the trainable parameters and the whole model (for a peft method, its
            adapter) by `save_pretrained`.
        folder: the run folder.
    """
    whole = config.training.save == "pretrained" and config.method.kind != "peft"
    if whole or config.training.save == "merged":
        with quiet_transformers():
            model.save_pretrained(folder / MODEL_FOLDER)
        return sum(file.stat().st_size for file in (folder / MODEL_FOLDER).iterdir())
    from safetensors.torch import save_file

    save_file(trainable_state(model), folder / WEIGHTS_FILE)
    return (folder / WEIGHTS_FILE).stat().st_size


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
    if (folder / MODEL_FOLDER).is_dir():
        with quiet_transformers():
            plain = fresh.get_base_model() if hasattr(fresh, "get_base_model") else fresh
            loaded = type(plain).from_pretrained(folder / MODEL_FOLDER, dtype=torch.float32)
        return loaded.to(device).eval()
    from safetensors.torch import load_file

    state = load_file(folder / WEIGHTS_FILE)
    trainable = {name: p for name, p in fresh.named_parameters() if p.requires_grad}
    if set(state) != set(trainable):
        odd = sorted(set(state) ^ set(trainable))[:3]
        raise RunError(f"{folder / WEIGHTS_FILE}: holds other parameters than the method trains, such as {odd}")
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(state[name])
    return fresh.eval()
