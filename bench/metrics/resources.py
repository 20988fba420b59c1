"""What metrics read beside predictions and references, opened once by whoever scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.core.errors import InputError
from bench.metrics.corpus import Corpus, Tokenizer, corpus_of, tokenizer_of
from bench.metrics.judge import WHERE_JUDGES_COME_FROM, StyleJudge
from bench.records.judge_summary import JudgeSummary

Need = Literal["model", "tokenizer", "corpus", "judge"]

_MISSING: dict[Need, str] = {
    "model": "metrics.{name}.model is missing: {name} runs a model and downloads none by itself; "
    "name a source under [metrics.{name}.model], or give `--model FOLDER` on the command line",
    "corpus": "{name} compares with a training text: give corpus=TEXT, or `--corpus FILE` on the command line",
    "tokenizer": "{name} counts tokens: give model_path=FOLDER, or `--model FOLDER` on the command line, "
    "of a model whose tokenizer shall cut the texts",
    "judge": "{name} needs a judge: give its folder as the metric's model, or `--model FOLDER` on the command line; "
    + WHERE_JUDGES_COME_FROM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A saved model that a metric runs."""

    path: Path
    identity: str | None = None
    """Source and revision or hash, for the signature; none takes a hash of its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Opened resources; one that a metric does not need is none."""

    model: ModelFolder | None = None
    tokenizer: Tokenizer | None = None
    corpus: Corpus | None = None
    judge: StyleJudge | None = None
    judge_summary: JudgeSummary | None = None
    """Of the judge that stored statistics were made with, where the judge itself is not at hand."""

    def need(self, name: str, kind: Need) -> Any:
        """Return a resource that a metric cannot score without.

        Args:
            name: the metric, for the message.
            kind: what it needs.

        Raises:
            InputError: it was not opened; the message says how to give it.
        """
        resource = getattr(self, kind)
        if resource is None:
            raise _missing(name, kind)
        return resource


def _missing(name: str, kind: Need) -> InputError:
    return InputError(_MISSING[kind].format(name=name))


NO_RESOURCES = Resources()


def open_for(
    name: str,
    needs: frozenset[Need],
    *,
    model_path: Path | None = None,
    model_identity: str | None = None,
    corpus: str | None = None,
) -> Resources:
    """Open what a metric needs from one folder and a training text.

    Args:
        name: the metric, for messages.
        needs: what it needs.
        model_path: folder of the model, the tokenizer or the judge.
        model_identity: name of a model in the signature; default: a hash of its files.
        corpus: the training text; ignored where none is needed.

    Raises:
        InputError: something is missing, cannot be opened, or a folder was given to a metric that reads none.
    """
    folder = None if model_path is None else model_path.resolve()
    if "corpus" in needs:
        if corpus is None:
            raise _missing(name, "corpus")
        if folder is None:
            raise _missing(name, "tokenizer")
        opened = corpus_of(corpus, folder)
        return Resources(corpus=opened, tokenizer=opened.tokenizer)
    if not needs:
        if model_path is not None:
            raise InputError(f"metrics.{name}.model: {name} runs no model; remove the entry")
        return NO_RESOURCES
    kind = next(iter(needs))
    if folder is None or model_path is None:
        raise _missing(name, kind)
    if kind == "tokenizer":
        return Resources(tokenizer=tokenizer_of(folder))
    if kind == "judge":
        return Resources(judge=StyleJudge.load(model_path))
    return Resources(model=ModelFolder(path=model_path, identity=model_identity))
