"""Models packed as GGUF files, made plain."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.materials.quiet import quiet_transformers


def convert_gguf(file: Path, folder: Path) -> None:
    """Rebuild a GGUF model as plain float32 safetensors; what transformers loads from GGUF it refuses to save."""
    with quiet_transformers():
        loaded = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        values = loaded.config.to_dict()
        values.pop("quantization_config", None)
        model = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(values))
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
