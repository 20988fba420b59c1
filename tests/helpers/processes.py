"""Fresh interpreters, and the environment they run in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.server import Hub

_ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "datasets", "peft", "accelerate", "bert_score", "huggingface_hub")


@dataclass(frozen=True)
class HubServer:
    """A running loopback hub and the environment that points the real clients at it.

    huggingface_hub and datasets read their settings at import, so code under test runs in a process of its own.
    """

    hub: Hub
    env: dict[str, str]

    def fresh_env(self, folder: Path) -> dict[str, str]:
        """Return the environment with empty caches under `folder`."""
        return {**self.env, **hub_caches(folder)}


def hub_caches(folder: Path) -> dict[str, str]:
    return {
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_CACHE": str(folder / "hf" / "hub"),
        "HF_DATASETS_CACHE": str(folder / "hf" / "datasets"),
        "BENCH_CACHE": str(folder / "bench"),
    }


def clean_env() -> dict[str, str]:
    """Return this process's environment without any setting of the libraries under test, and `bench` importable."""
    prefixes = ("HF_", "HUGGING", "TRANSFORMERS_", "DATASETS_", "BENCH_", "PIP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {**kept, "PYTHONPATH": str(_ROOT), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}


def run_python(code: str, env: Mapping[str, str], *, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter and return what it printed and how it ended."""
    return subprocess.run(
        [sys.executable, "-c", code], env=dict(env), capture_output=True, text=True, timeout=timeout_s, check=False
    )
