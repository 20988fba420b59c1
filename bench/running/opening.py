"""What other libraries need to open a saved model: its configuration and tokenizer, and peft's files of an adapter.

They lie in the run's `model` folder, beside the weights where those are saved whole. What bench itself reloads is
`weights.safetensors`, or the whole model.
"""

from __future__ import annotations

import copy
import re
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from bench.config import HubSource, PeftMethod
from bench.materials.base_model import load_weights
from bench.materials.heads import HEADS
from bench.materials.mean_pooled import MeanPooledClassifier, write_config
from bench.materials.quiet import quiet_transformers
from bench.methods.applying import probe
from bench.methods.freezing import head_of
from bench.running.context import RunContext
from bench.running.loading import LoadedModel
from bench.running.weights import MODEL_FOLDER, is_whole

_HEADS_OF_PEFT = ("classifier", "score")
"""Modules of a classifier that peft saves whatever its configuration says."""
_TOLERANCE = 1e-4
"""Largest change of a logit, as a share of the largest, that counts as rounding."""


def write_for_others(run: RunContext, loaded: LoadedModel) -> None:
    """Write into the run's `model` folder what transformers or peft need to open what was saved.

    An adapter is opened again, by peft alone on a base of another seed, and kept only where it answers as the trained
    model does; where it does not, the terminal says so.

    Args:
        run: what ran; its weights are saved.
        loaded: the trained model.
    """
    folder, model = run.folder / MODEL_FOLDER, loaded.model
    folder.mkdir(exist_ok=True)
    if not is_whole(run.config):
        if isinstance(run.config.method, PeftMethod):
            _write_adapters(run, loaded, run.config.method, folder)
        elif isinstance(model, MeanPooledClassifier):
            write_config(model.config, folder)
        elif isinstance(model, PreTrainedModel):
            model.config.save_pretrained(folder)
    _write_tokenizer(run, loaded, folder)


def _write_tokenizer(run: RunContext, loaded: LoadedModel, folder: Path) -> None:
    """Write the tokenizer, which cuts texts where the task did."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    limit = getattr(run.config.task, "max_length_tokens", None)
    if limit is not None:
        tokenizer.model_max_length = limit
    with quiet_transformers():
        tokenizer.save_pretrained(folder)


def _write_adapters(run: RunContext, loaded: LoadedModel, table: PeftMethod, folder: Path) -> None:
    """Write the adapter; of two writers, one each in a folder of its own."""
    names = run.config.data.labels if run.config.task.n_writers > 1 else ("",)
    for number, (name, part) in enumerate(zip(names, loaded.task.writers(loaded.model), strict=True)):
        place = folder / re.sub(r"[^\w.-]+", "_", f"{number}-{name}") if name else folder
        problem = _write_adapter(run, loaded, table, part, place)
        if problem is not None:
            for file in place.glob("adapter_*"):
                file.unlink()
            run.settings.progress.say(
                f"{MODEL_FOLDER}/: no adapter for peft is kept, which would not be the trained model elsewhere "
                f"({problem}); training.save = 'merged' keeps a whole model"
            )


def _write_adapter(run: RunContext, loaded: LoadedModel, table: PeftMethod, model: Any, folder: Path) -> str | None:
    """Write one adapter; return why peft alone cannot use it, or none."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors.torch import save_file

    adapter = model.active_adapter
    beside = _modules_beside(model, table, loaded.new_modules)
    config = _adapter_config(run, model.peft_config[adapter], list(beside))
    try:
        with warnings.catch_warnings(), quiet_transformers():
            warnings.simplefilter("ignore")
            state = get_peft_model_state_dict(model, adapter_name=adapter, save_embedding_layers=False)
            state |= {
                f"base_model.model.{name}.{key}": tensor
                for name, module in beside.items()
                for key, tensor in module.state_dict().items()
            }
            folder.mkdir(exist_ok=True)
            save_file({k: t.detach().cpu().clone().contiguous() for k, t in state.items()}, _adapter_file(folder))
            config.save_pretrained(folder)
            opened = PeftModel.from_pretrained(_other_base(run), folder).to(run.device).eval()
        with torch.inference_mode():
            return _difference(probe(model), probe(opened))
    except Exception as error:  # whatever peft makes of it, the run's own weights are saved and checked
        return str(error).strip().partition("\n")[0] or type(error).__name__
    finally:
        if isinstance(model.get_base_model(), MeanPooledClassifier) and folder.is_dir():
            import bench.materials.mean_pooled as source

            shutil.copyfile(str(source.__file__), folder / Path(str(source.__file__)).name)


def _adapter_file(folder: Path) -> Path:
    return folder / "adapter_model.safetensors"


def _adapter_config(run: RunContext, used: Any, beside: Sequence[str]) -> Any:
    """Return the adapter's configuration with its base model and what it is for."""
    config = copy.deepcopy(used)
    source = run.config.model.source
    config.base_model_name_or_path = str(run.materials.base.folder)
    if isinstance(source, HubSource):
        config.base_model_name_or_path, config.revision = source.id, source.revision
    config.task_type = HEADS[run.config.model.family].peft_task
    config.inference_mode = True
    if beside and hasattr(config, "modules_to_save"):
        config.modules_to_save = list(beside)
    return config


def _modules_beside(model: Any, table: PeftMethod, new: Sequence[str]) -> dict[str, nn.Module]:
    """Return the modules of the base that an adapter must bring: trained in full, or drawn and so in no base."""
    base = model.get_base_model()
    heads = {id(module) for module in head_of(base)}
    classifies = bool(heads)
    tops = {name.partition(".")[0] for name in new if not name.startswith(f"{base.base_model_prefix}.")}
    names = {*table.also_train, *tops, *(n for n in new if n.startswith(f"{base.base_model_prefix}."))}
    if table.head:
        names |= {name for name, module in base.named_children() if id(module) in heads}
    if classifies:
        names |= set(_HEADS_OF_PEFT)
    modules = dict(base.named_modules())
    kept = {  # peft takes every module whose name ends so
        name: module
        for name, module in modules.items()
        if any(name.endswith(end) for end in names) and list(module.parameters())
    }
    return {n: m for n, m in kept.items() if not any(n.startswith(f"{other}.") for other in kept)}


def _other_base(run: RunContext) -> Any:
    """Return the base as another seed draws it, so that what the adapter lacks shows."""
    labels = run.config.data.labels
    return load_weights(
        run.config.model, run.materials.base, n_labels=len(labels), seed=run.seed + 1, labels=labels
    ).model


def _difference(trained: torch.Tensor | None, opened: torch.Tensor | None) -> str | None:
    """Return how far two answers to one made-up text lie apart, where that is more than rounding."""
    if trained is None or opened is None or trained.shape != opened.shape:
        return "its answers have another shape"
    change, largest = float((trained - opened).abs().max()), float(trained.abs().max())
    return None if change <= _TOLERANCE * largest else f"logits move by up to {change:.3g} of {largest:.3g}"
