"""A `[training]` table -> the arguments of transformers' Trainer, and how many steps it comes to."""

from __future__ import annotations

import torch
from transformers import TrainingArguments

from bench.config import TrainingConfig
from bench.core import seeds
from bench.core.errors import InputError
from bench.core.processes import n_processes, rank
from bench.running.trackers import PROJECT, Tracking

_SCHEDULERS = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
_OPTIMIZERS = {"adam": "adamw_torch", "adamw": "adamw_torch", "sgd": "sgd"}


class OneDeviceArguments(TrainingArguments):  # type: ignore[misc]
    """Arguments of a process that trains on one device, whatever else it sees.

    The Trainer would spread batches over all GPUs (DataParallel) and so make them larger without a word.
    """

    @property
    def n_gpu(self) -> int:
        """Return how many GPUs the Trainer shall use."""
        return min(int(super().n_gpu), 1)


def training_arguments(
    config: TrainingConfig,
    *,
    seed: int,
    folder: str,
    tracking: Tracking,
    device: torch.device,
) -> TrainingArguments:
    """Return the Trainer's arguments.

    Args:
        config: the `[training]` table.
        seed: the run seed; batch order and dropout have streams of their own.
        folder: where the Trainer may write; nothing of it is kept.
        tracking: which trackers watch.
        device: where the model is.

    Raises:
        InputError: a batch cannot be split evenly between the processes.
    """
    n = n_processes()
    if config.batch_size % n:
        raise InputError(
            f"training.batch_size = {config.batch_size} cannot be split evenly between {n} processes; launch a number "
            "of them that divides it, or set another"
        )
    return OneDeviceArguments(
        output_dir=folder,
        num_train_epochs=config.epochs or 1,
        max_steps=config.steps if config.steps is not None else -1,
        per_device_train_batch_size=config.batch_size // n,
        learning_rate=config.learning_rate,
        optim=_OPTIMIZERS[config.optimizer],
        weight_decay=config.weight_decay,
        lr_scheduler_type=_SCHEDULERS[config.scheduler],
        warmup_steps=config.warmup_steps,
        max_grad_norm=config.max_grad_norm,
        seed=seeds.derive(seed, "dropout") + rank(),  # the same masks on every process would be fewer masks
        data_seed=seeds.derive(seed, "batch order"),
        bf16=config.precision == "bfloat16",
        fp16=config.precision == "float16",
        use_cpu=device.type == "cpu",
        ddp_backend="gloo" if n > 1 and device.type == "cpu" else None,
        report_to=list(tracking.names) or "none",
        run_name=tracking.run_name,
        project=PROJECT,
        logging_strategy="steps" if tracking.names else "no",
        logging_steps=1,
        save_strategy="no",
        eval_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=device.type == "cuda",
    )


def n_steps(config: TrainingConfig, n_examples: int) -> int:
    """Return how many optimiser steps a budget comes to."""
    per_epoch = -(-n_examples // config.batch_size)
    return config.steps if config.steps is not None else per_epoch * (config.epochs or 0)
