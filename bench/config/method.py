"""What of the model trains: `[methods.<name>]`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.core.schema import Scalar, Strict


class FullMethod(Strict):
    """Train every parameter."""

    kind: Literal["full"]


class HeadOnlyMethod(Strict):
    """Train only the head: what sits outside the encoder, or a language model's output layer."""

    kind: Literal["head_only"]


class FreezeMethod(Strict):
    """Freeze modules by name, or the lower layers, and train the rest."""

    kind: Literal["freeze"]
    modules: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Glob patterns of module names, such as `distilbert` or `*.attention`; give this or `layers`."""
    layers: float | None = Field(default=None, gt=0, le=1)
    """Share of the layers that is frozen, from the lowest, with the embeddings below them; give this or `modules`."""
    frozen_dropout: bool = False
    """Whether dropout still runs inside the frozen modules while training."""

    @model_validator(mode="after")
    def _one_choice(self) -> FreezeMethod:
        if (self.modules is None) == (self.layers is None):
            raise ValueError("give exactly one of modules and layers")
        return self


class SelectMethod(Strict):
    """Train parameters by name and freeze the rest."""

    kind: Literal["select"]
    parameters: tuple[str, ...] = Field(min_length=1)
    """Glob patterns of parameter names, such as `*.bias`."""
    head: bool | None = None
    """Also train a classifier's head: what lies outside its body."""


class PeftMethod(Strict):
    """Any method of the peft library."""

    kind: Literal["peft"]
    config: dict[str, Any]
    """The peft configuration as a table; `peft_type` names the method."""
    also_train: tuple[str, ...] = ()
    """Base modules trained in full beside the adapter; an output layer that is tied is untied first."""
    head: bool | None = None
    """Also train a classifier's head: what lies outside its body."""
    lora_plus_ratio: float | None = Field(default=None, ge=1)
    """LoRA+: the learning rate of every B is this many times that of its A."""

    @model_validator(mode="after")
    def _names_its_type(self) -> PeftMethod:
        if "peft_type" not in self.config:
            raise ValueError("config.peft_type is missing, for instance peft_type = 'LORA'")
        return self


class PluginMethod(Strict):
    """A method of the user's own: a subclass of `bench.methods.Method` in a file or an installed package."""

    kind: Literal["plugin"]
    use: str = Field(pattern=r"^[^:]+:[A-Za-z_]\w*$")
    """`path/to/file.py:Name`, or `package.module:Name`."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Hash of the file that defines it, so that another version is another config; filled in where it is left out."""
    settings: dict[str, Scalar] = Field(default_factory=dict)
    """Arguments of its constructor."""


MethodConfig = Annotated[
    FullMethod | HeadOnlyMethod | FreezeMethod | SelectMethod | PeftMethod | PluginMethod, Field(discriminator="kind")
]
