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
from bench.config.metric import MetricConfig
from bench.config.model import Architecture, ModelConfig
from bench.config.sources import GeneratedSource, HubSource, LocalSource, Source, UrlSource, WheelSource
from bench.config.suite import ProfileName, SuiteConfig
from bench.config.task import (
    ClassificationTask,
    JudgeConfig,
    LanguageModelingTask,
    StyleDuelTask,
    SummarizationTask,
    Task,
    WritingTask,
)
from bench.config.training import TrainingConfig
from bench.core.schema import Scalar, Strict

__all__ = [
    "Architecture",
    "ClassificationTask",
    "Data",
    "DataConfig",
    "FreezeMethod",
    "FullMethod",
    "GeneratedSource",
    "HeadOnlyMethod",
    "HubSource",
    "JudgeConfig",
    "LanguageModelingTask",
    "LocalSource",
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
    "StyleDuelTask",
    "SuiteConfig",
    "SummarizationTask",
    "Task",
    "TextConfig",
    "TextsConfig",
    "TrainingConfig",
    "UrlSource",
    "WheelSource",
    "WritingTask",
]
