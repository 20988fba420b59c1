"""Models packed as GGUF files, made plain."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.core.errors import InputError
from bench.materials.quiet import quiet_transformers
from bench.materials.weights_check import LoadedWeights


def convert_gguf(file: Path, folder: Path) -> None:
    """Rebuild a GGUF model as plain float32 safetensors; what transformers loads from GGUF it refuses to save.

    Raises:
        InputError: transformers cannot read it, or it lacks weights.
    """
    place = f"model.source: {file.name}"
    with quiet_transformers():
        try:
            loaded, info = AutoModelForCausalLM.from_pretrained(
                file.parent, gguf_file=file.name, dtype=torch.float32, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except MemoryError:
            raise
        except Exception as error:  # each library behind the file has errors of its own, some of them bare
            message = str(error).strip().partition("\n")[0] or type(error).__name__
            raise InputError(f"{place}: transformers cannot read it ({message}); give another file") from error
        weights = LoadedWeights.of(loaded, info)
        weights.check_body(place)
        weights.check_text_head(place)
        values = loaded.config.to_dict()
        values.pop("quantization_config", None)
        model = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(values))
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
