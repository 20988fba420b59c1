"""Names of libraries that begin with an underscore, and are used all the same: a test fails when one goes or changes.

There is no public way to them; what each is for is said where it is used.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import bench

_PRIVATE = re.compile(r"(?:from (?:peft|transformers|torch|accelerate)[\w.]* import .*\b_\w+)|(?:\bboft\._\w+)")


def test_peft_prepares_a_prompt_for_a_model() -> None:
    from peft.utils import _prepare_prompt_learning_config as prepare

    assert list(inspect.signature(prepare).parameters) == ["peft_config", "model_config"]


def test_peft_asks_for_its_compiled_block_diagonal_once() -> None:
    from peft.tuners.boft import layer

    before = layer._FBD_CUDA
    try:
        layer._FBD_CUDA = False
        assert layer.get_fbd_cuda() is False
    finally:
        layer._FBD_CUDA = before


def test_methods_and_running_use_no_other() -> None:
    root = Path(bench.__file__).parent
    files = [file for room in ("methods", "running") for file in sorted((root / room).rglob("*.py"))]
    used = {match for file in files for match in _PRIVATE.findall(file.read_text(encoding="utf-8"))}
    assert used == {"from peft.utils import PeftType, _prepare_prompt_learning_config", "boft._FBD_CUDA"}
