"""How runs happen: the one type for it, from the command line down to a worker of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.core.progress import Progress, Silent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What decides where and how a run happens, but not what it gives."""

    runs_root: Path = Path("runs")
    """Folder that records are stored under."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `mps`."""
    offline: bool = False
    """Fetch nothing; every network connection is refused while a run lasts. (The profile of that name is another thing:
    it says where weights and rows come from.)"""
    force: bool = False
    """Run again even where a record stands."""
    report_to: tuple[str, ...] = ()
    """Trackers of the Trainer's own integrations, such as `tensorboard`."""
    suite_folders: Mapping[str, Path] = field(default_factory=dict)
    """Suite -> its folder, for what version control says of it; one that is not here is looked for by its name."""
    progress: Progress = field(default_factory=Silent)
    """Told where a run is; silent unless given."""
