"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.server import Hub, serve
from processes import HubServer, clean_env, hub_caches

_ROOT = Path(__file__).parent.parent


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
    env = {**clean_env(), "PYTHONPATH": os.pathsep.join([f"{_ROOT}", f"{_ROOT / 'tests' / 'helpers'}"])}
    subprocess.run([sys.executable, "-c", build, str(folder)], env=env, check=True, capture_output=True, text=True)
    with serve() as hub:
        add_documented(hub, folder)
        yield HubServer(hub=hub, env={**clean_env(), "HF_ENDPOINT": hub.url, **hub_caches(folder / "caches")})


def add_documented(hub: Hub, folder: Path) -> None:
    """Serve what `hub_server` built."""
    from hub import repositories as r
    from hub.server import Repository

    models = {"distilbert": r.DISTILBERT, "bert": r.BERT, "gpt2": r.GPT2, "gpt_neo": r.GPT_NEO, "flan_t5": r.FLAN_T5}
    for name, pin in models.items():
        hub.add(Repository("model", *pin, folder / name))
    for name, pin in {"sst2": r.SST2, "imdb": r.IMDB, "cnn_dailymail": r.CNN_DAILYMAIL}.items():
        hub.add(Repository("dataset", *pin, folder / name))
