"""Names of libraries that begin with an underscore: none is used but those listed, each held by a test of its own.

A library may change such a name at any time. Where there is no public way, the test says what is relied on, so that a
new version of the library fails here, not in a run.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

import rooms

ALLOWED = {
    ("bench.methods.adapters", "_FBD_CUDA"),
    ("bench.methods.prompts", "_prepare_prompt_learning_config"),
    ("bench.metrics.bertscore", "_model"),
    ("bench.metrics.bertscore", "_tokenizer"),
    ("bench.metrics.bleu", "_extract_corpus_statistics"),
    ("bench.tasks.classification.task", "_modules"),
}
"""Module -> the private name of a library that it uses."""
OVERRIDDEN = {"bench.metrics.as_evaluate.BenchMetric._info", "bench.metrics.as_evaluate.BenchMetric._compute"}
"""What evaluate's documentation asks a metric to define."""
PUBLIC = {"_replace", "_asdict", "_fields"}
"""Documented methods of named tuples, which begin with an underscore lest they be taken for fields."""


def _is_private(name: object) -> bool:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__") and name not in {"_", *PUBLIC}


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that a module defines: functions, classes, variables, and attributes of `self`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            names.add(node.attr)
    return names


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _used(node: ast.AST, ours: set[str]) -> Iterator[object]:
    """Yield the names that a node takes from a library, private or not."""
    if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("bench"):
        yield from (*str(node.module).split("."), *(alias.name for alias in node.names))
    elif isinstance(node, ast.Import):
        yield from (part for alias in node.names for part in alias.name.split("."))
    elif isinstance(node, ast.Attribute) and not (_is_self(node.value) and node.attr in ours):
        yield node.attr
    elif isinstance(node, ast.Call):
        yield from (keyword.arg for keyword in node.keywords)
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr", "setattr", "delattr"):
            yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def private_names() -> set[tuple[str, object]]:
    """Return module and name of every use of a library's private name in the package."""
    trees = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in rooms.modules().items()}
    ours = set().union(*map(_defined, trees.values()))
    return {
        (module, name)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        for name in _used(node, ours)
        if _is_private(name)
    }


def test_no_other_private_name_is_used() -> None:
    assert private_names() == ALLOWED


def test_no_private_method_of_a_library_is_overridden() -> None:
    overridden = set()
    for module in rooms.modules():
        for cls in vars(importlib.import_module(module)).values():
            if inspect.isclass(cls) and cls.__module__ == module:
                theirs = [base for base in cls.__mro__[1:] if not base.__module__.startswith("bench")]
                names = [name for name, value in vars(cls).items() if _is_private(name) and inspect.isfunction(value)]
                overridden |= {f"{module}.{cls.__name__}.{n}" for n in names if any(n in vars(base) for base in theirs)}
    assert overridden == OVERRIDDEN


# --- what is relied on -----------------------------------------------------------------------------------------------


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


def test_bert_score_keeps_its_model_and_tokenizer() -> None:
    from bert_score import BERTScorer

    source = inspect.getsource(BERTScorer)
    assert "self._tokenizer = " in source
    assert "self._model = " in source


def test_sacrebleu_counts_a_text_at_a_time() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    for library, n_statistics in ((BLEU(effective_order=True), 10), (CHRF(), 18)):
        (row,) = library._extract_corpus_statistics(["a small text"], [["a small text"]])
        assert len(row) == n_statistics
        assert all(isinstance(count, int) for count in row)


def test_torch_keeps_submodules_by_name() -> None:
    from torch import nn

    model = nn.Sequential(nn.Linear(1, 1))
    assert model._modules == {"0": model[0]}
