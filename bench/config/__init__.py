"""The types of `suite.toml`, a file a table: frozen, closed, one line of documentation a field."""

from __future__ import annotations

from bench.config.data import Data, DataConfig, PartConfig, SplitConfig, SplitName, TextConfig, TextsConfig
from bench.config.method import (
    FreezeMethod,
    FullMethod,
    HeadOnlyMethod,
    MethodConfig,
    PeftMethod,
    PluginMethod,
    SelectMethod,
)
from bench.config.metric import Inputs, MetricConfig
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
