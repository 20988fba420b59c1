"""The device a run uses, and the switches that make it repeat itself."""

from __future__ import annotations

import os
from typing import Literal, get_args

import torch

from bench.core.errors import DeviceError, InputError, suggest
from bench.core.processes import local_rank, n_processes

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str) -> torch.device:
    """Return the device of a name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        InputError: no such name.
        DeviceError: this machine or this torch has no such device.
    """
    if name not in get_args(DeviceName):
        raise InputError(f"--device {name!r} is not known{suggest(name, get_args(DeviceName))}")
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, is_present in present.items() if is_present)
    if not present[name]:
        raise DeviceError(
            f"--device {name}: torch {torch.__version__} sees no such device here; use --device cpu, or install a "
            "torch built for it (`bench doctor` shows what this machine has)"
        )
    return torch.device("cuda", local_rank()) if name == "cuda" and n_processes() > 1 else torch.device(name)


def device_class(device: torch.device) -> str:
    """Return what kind of device results are comparable within, such as `cpu` or a GPU's name."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else str(device.type)


def make_deterministic() -> dict[str, str]:
    """Switch on what makes two runs on one device equal, and return the switches for the record.

    With them goes the one that nobody has to set: which CPU instructions torch chose, for others give other last bits.

    See https://docs.pytorch.org/docs/stable/notes/randomness.html. Must run before the first CUDA call of the process.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return {
        "torch.use_deterministic_algorithms": "true",
        "torch.backends.cudnn.benchmark": "false",
        "torch.backends.cuda.matmul.allow_tf32": "false",
        "CUBLAS_WORKSPACE_CONFIG": os.environ["CUBLAS_WORKSPACE_CONFIG"],
        "ATEN_CPU_CAPABILITY": torch.backends.cpu.get_cpu_capability(),
    }
