"""The types of `suite.toml`, a file a table: frozen, closed, one line of documentation a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import import_on_demand

if TYPE_CHECKING:
    from bench.config.data import Data, DataConfig, PartConfig, SplitConfig, SplitName, TextConfig, TextsConfig
    from bench.config.inputs import Inputs
    from bench.config.method import (
        FreezeMethod,
        FullMethod,
        HeadOnlyMethod,
        MethodConfig,
        PeftMethod,
        PluginMethod,
        SelectMethod,
    )
    from bench.config.metric import MetricConfig
    from bench.config.model import Architecture, Family, ModelConfig
    from bench.config.sources import GeneratedSource, HubSource, LocalSource, Source, UrlSource, WheelSource
    from bench.config.suite import ProfileName, SuiteConfig
    from bench.config.task import Memorisation, TaskConfig, kind_of
    from bench.config.training import TrainingConfig
    from bench.core.schema import Scalar, Strict

__all__ = [
    "Architecture",
    "Data",
    "DataConfig",
    "Family",
    "FreezeMethod",
    "FullMethod",
    "GeneratedSource",
    "HeadOnlyMethod",
    "HubSource",
    "Inputs",
    "LocalSource",
    "Memorisation",
    "MethodConfig",
    "MetricConfig",
    "ModelConfig",
    "PartConfig",
    "PeftMethod",
    "PluginMethod",
    "ProfileName",
    "Scalar",
    "SelectMethod",
    "Source",
    "SplitConfig",
    "SplitName",
    "Strict",
    "SuiteConfig",
    "TaskConfig",
    "TextConfig",
    "TextsConfig",
    "TrainingConfig",
    "UrlSource",
    "WheelSource",
    "kind_of",
]

_PLACES = {
    name: f"{module}:{name}"
    for module, names in {
        "bench.config.data": "Data DataConfig PartConfig SplitConfig SplitName TextConfig TextsConfig",
        "bench.config.inputs": "Inputs",
        "bench.config.method": "FreezeMethod FullMethod HeadOnlyMethod MethodConfig PeftMethod PluginMethod "
        "SelectMethod",
        "bench.config.metric": "MetricConfig",
        "bench.config.model": "Architecture Family ModelConfig",
        "bench.config.sources": "GeneratedSource HubSource LocalSource Source UrlSource WheelSource",
        "bench.config.suite": "ProfileName SuiteConfig",
        "bench.config.task": "Memorisation TaskConfig kind_of",
        "bench.config.training": "TrainingConfig",
        "bench.core.schema": "Scalar Strict",
    }.items()
    for name in names.split()
}
"""Name -> where it is: each table is imported when it is first asked for."""

if not TYPE_CHECKING:
    __getattr__ = import_on_demand(__name__, _PLACES)
