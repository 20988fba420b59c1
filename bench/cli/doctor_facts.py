"""What a suite would do and what this machine could do, found out without running anything."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from typing import Any

from bench import metrics
from bench.config import Source, SuiteConfig
from bench.core.errors import BenchError
from bench.core.files import cache_root
from bench.materials.sources import is_cached
from bench.records.store import ResultName, Store
from bench.suites.resolve import builtin_suites, load_suite, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Counted on the meta device, without weights."""

    total: int
    trainable: int

    @property
    def share(self) -> float:
        """Return trainable / total, in [0, 1]."""
        return self.trainable / self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """One source of a suite."""

    used_for: str
    source: Source
    cached: bool
    """Whether a run would find it without a network."""

    @property
    def text(self) -> str:
        """Return the source in one line."""
        values = self.source.model_dump(exclude_none=True)
        kind = values.pop("kind")
        return f"{kind}: " + ", ".join(f"{key} {value}" for key, value in values.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCost:
    """What the stored baseline of the same suite, profile and method took, as a mean over its seeds."""

    wall_time_s: float
    peak_memory_bytes: float
    device: str


def parameters(config: SuiteConfig) -> Parameters:
    """Count parameters under the suite's method, on the meta device.

    Raises:
        InputError: the suite writes no architecture down, or the method does not fit it.
    """
    from bench.materials.base_model import count_parameters, meta_model
    from bench.methods.applying import build
    from bench.tasks.base import kind_of_task

    model = kind_of_task(config).build_model(config, build(config.method), lambda: meta_model(config), seed=0)
    return Parameters(total=count_parameters(model), trainable=count_parameters(model, trainable=True))


def source_states(config: SuiteConfig) -> list[SourceState]:
    """Return every source that a run of this config reads, each once."""
    named: dict[str, tuple[Source, list[str]]] = {}

    def add(source: Source, used_for: str) -> None:
        named.setdefault(source.model_dump_json(), (source, []))[1].append(used_for)

    for used_for, source in config.sources():
        add(source, used_for)
    return [
        SourceState(used_for=", ".join(used), source=source, cached=is_cached(source))
        for source, used in named.values()
    ]


def expected_cost(config: SuiteConfig) -> ExpectedCost | None:
    """Return what the stored baseline took, or None where there is none."""
    stored = Store().baseline_of(ResultName(config.suite, config.profile, config.method_name))
    if stored is None:
        return None
    seeds = stored.baseline.seeds
    costs = [seed.cost for seed in seeds]
    return ExpectedCost(
        wall_time_s=sum(cost.wall_time_s for cost in costs) / len(costs),
        peak_memory_bytes=sum(cost.peak_memory_bytes for cost in costs) / len(costs),
        device=seeds[0].environment.device,
    )


def machine() -> dict[str, Any]:
    """Return what this machine and installation have: versions, devices, memory, cache."""
    import psutil
    import torch

    from bench.records.provenance import package_versions, version

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices = [f"cuda ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())] + devices
    if torch.backends.mps.is_available():
        devices.append("mps")
    root = cache_root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    return {
        "bench": version(),
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "devices": devices,
        "cpu_cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "cache": str(root),
        "cache_free_bytes": shutil.disk_usage(there).free,
        "hub": os.environ.get("HF_ENDPOINT", "https://huggingface.co"),
        "packages": package_versions(),
    }


def missing_packages() -> list[str]:
    """Return the requirements of this package that are not installed."""
    missing = []
    for requirement in importlib.metadata.requires("bench") or []:
        name = requirement.split(";")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def readiness() -> list[dict[str, str]]:
    """Return, for each built-in suite and profile, whether it can run here now and what it still needs."""
    rows = []
    for name in builtin_suites():
        file = load_suite(f"suites/{name}")
        for profile in file.profiles:
            try:
                states = source_states(resolve(file, profile=profile))
                needed = [f"{state.source.kind} for {state.used_for}" for state in states if not state.cached]
            except BenchError as error:
                needed = [str(error)]
            rows.append({"suite": name, "profile": profile, "to fetch": "; ".join(needed) or "nothing: runs offline"})
    return rows


def nltk_wordnet() -> bool:
    """Return whether METEOR finds WordNet's data and so matches synonyms too."""
    return "wordnet" in metrics.build("meteor").signature()
