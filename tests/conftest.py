"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub.server import Hub, serve

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class HubServer:
    """A running loopback hub and the environment that points the real clients at it.

    huggingface_hub and datasets read their settings at import, so code under test runs in a process of its own.
    """

    hub: Hub
    env: dict[str, str]

    def fresh_env(self, folder: Path) -> dict[str, str]:
        """Return the environment with empty caches under `folder`."""
        return {**self.env, **_caches(folder)}


def _caches(folder: Path) -> dict[str, str]:
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


@pytest.fixture(scope="session")
def hub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Serve the documented repositories in miniature, at the documented pins; `env` is for subprocesses.

    The model repositories are built in a process of their own, which keeps transformers out of this one.
    """
    folder = tmp_path_factory.mktemp("hub")
    build = (
        "import sys; from pathlib import Path; from hub import repositories as r; root = Path(sys.argv[1])\n"
        "for build in (r.distilbert, r.bert, r.gpt2, r.gpt_neo, r.flan_t5): build(root / build.__name__)\n"
        "for build in (r.sst2, r.imdb, r.cnn_dailymail): build(root / build.__name__)"
    )
    env = {**clean_env(), "PYTHONPATH": os.pathsep.join([f"{_ROOT}", f"{_ROOT / 'tests'}"])}
    subprocess.run([sys.executable, "-c", build, str(folder)], env=env, check=True, capture_output=True, text=True)
    with serve() as hub:
        add_documented(hub, folder)
        yield HubServer(hub=hub, env={**clean_env(), "HF_ENDPOINT": hub.url, **_caches(folder / "caches")})


def add_documented(hub: Hub, folder: Path) -> None:
    """Serve what `hub_server` built."""
    from hub import repositories as r
    from hub.server import Repository

    models = {"distilbert": r.DISTILBERT, "bert": r.BERT, "gpt2": r.GPT2, "gpt_neo": r.GPT_NEO, "flan_t5": r.FLAN_T5}
    for name, pin in models.items():
        hub.add(Repository("model", *pin, folder / name))
    for name, pin in {"sst2": r.SST2, "imdb": r.IMDB, "cnn_dailymail": r.CNN_DAILYMAIL}.items():
        hub.add(Repository("dataset", *pin, folder / name))
