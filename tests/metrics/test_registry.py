"""Names, options, signatures, and what importing the package costs."""

from __future__ import annotations

import doctest
import subprocess
import sys
from typing import Any

import pytest

from bench import metrics
from bench.core.errors import InputError

SIGNATURE_OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("rouge1", {"stemmer": False}),
    ("rougeLsum", {"stemmer": False}),
    ("rougeLsum", {"split_sentences": True}),
    ("rouge1", {"tokenizer": "unicode"}),
    ("rouge1", {"value": "recall"}),
    ("meteor", {"tokenizer": "unicode"}),
    ("sentence_bleu_method1", {"tokenizer": "characters"}),
    ("sacrebleu", {"tokenizer": "intl"}),
    ("sacrebleu", {"lowercase": True}),
    ("chrf", {"word_order": 2}),
    ("chrf", {"lowercase": True}),
    ("precision", {"average": "binary"}),
    ("recall", {"average": "binary"}),
    ("f1", {"average": "binary"}),
]


def test_importing_the_package_loads_no_library() -> None:
    heavy = ["torch", "transformers", "nltk", "sklearn", "scipy", "evaluate", "sacrebleu", "rouge_score", "bert_score"]
    code = (
        "import sys; from bench import metrics, statistics; from bench.metrics import score\n"
        "for name in metrics.METRIC_NAMES: metrics.spec(name)\n"
        "for name in ('f1', 'rouge1', 'sacrebleu', 'loss'): metrics.build(name).signature()\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(metrics).failed == 0


@pytest.mark.parametrize("name", metrics.METRIC_NAMES)
def test_specs_are_whole(name: str) -> None:
    spec = metrics.spec(name)
    assert spec.name == name
    assert spec.low < spec.high
    assert spec.title
    assert spec.source


@pytest.mark.parametrize(("name", "options"), SIGNATURE_OPTIONS)
def test_each_option_that_moves_values_moves_the_signature(name: str, options: dict[str, Any]) -> None:
    default, changed = metrics.build(name).signature(), metrics.build(name, options).signature()
    assert default.startswith(f"{name}|")
    assert default != changed


def test_signatures_of_the_four_rouges_differ() -> None:
    names = ("rouge1", "rouge2", "rougeL", "rougeLsum")
    assert len({metrics.build(name).signature() for name in names}) == 4


def test_signature_of_bleu_reads_like_sacrebleus() -> None:
    import sacrebleu

    expected = f"sacrebleu|tok:13a|smooth:exp|case:mixed|v:{sacrebleu.__version__}"
    assert metrics.build("sacrebleu").signature() == expected


def test_number_of_classes_is_not_part_of_the_signature() -> None:
    assert metrics.build("f1", n_classes=3).signature() == metrics.build("f1").signature()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rogue1", {}, "'rogue1' is not a known metric; did you mean 'rouge1'?"),
        ("rouge1", {"stemer": True}, "metrics.rouge1.options.stemer is not a known option; did you mean 'stemmer'?"),
        ("rouge1", {"zzz": 1}, "metrics.rouge1.options.zzz is not a known option; allowed: stemmer"),
        ("loss", {"zzz": 1}, "metrics.loss.options.zzz is not a known option; loss has none"),
        ("rouge1", {"stemmer": "yes"}, "metrics.rouge1.options.stemmer: Input should be a valid boolean, got 'yes'"),
        ("f1", {"average": "mikro"}, "metrics.f1.options.average: Input should be 'macro', "),
        ("f1", {"average": "binary", "n_classes": 3}, "f1: average = 'binary' scores class 1 of 2, but n_classes = 3"),
    ],
)
def test_mistakes_are_named_with_their_mend(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        metrics.build(name, options)
    assert message in str(caught.value)


def test_a_model_is_refused_where_none_runs(tmp_path: Any) -> None:
    with pytest.raises(InputError, match="rouge1 runs no model"):
        metrics.open_resources("rouge1", model_path=tmp_path)


def test_needs_name_what_build_takes() -> None:
    assert metrics.needs("rouge1") == metrics.needs("line_length") == frozenset()
    assert metrics.needs("bertscore") == {"model"}
    assert metrics.needs("distinct1") == {"tokenizer"}
    assert metrics.needs("common_token_ratio") == {"tokenizer", "corpus"}
    assert metrics.needs("style_judge_loss") == {"judge"}
    with pytest.raises(InputError, match="'rogue1' is not a known metric; did you mean 'rouge1'"):
        metrics.needs("rogue1")


@pytest.mark.parametrize("name", metrics.METRIC_NAMES)
def test_style_and_generation_metrics_and_no_others_say_so_by_their_needs(name: str) -> None:
    inputs, needs = metrics.spec(name).inputs, metrics.needs(name)
    assert (inputs == "styles") == ("judge" in needs)
    assert inputs == "generations" or not needs & {"tokenizer", "corpus"}
    if needs:
        with pytest.raises(InputError, match=name):
            metrics.build(name)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bertscore", {"layer": 2}),
        ("common_token_ratio", {"n_common": 10}),
        ("style_judge_accuracy", {}),
        ("f1", {"average": "binary"}),
    ],
)
def test_options_are_checked_without_what_the_metric_needs(name: str, options: dict[str, Any]) -> None:
    metrics.check_options(name, options)
    with pytest.raises(InputError, match=f"metrics.{name}.options.zzz is not a known option"):
        metrics.check_options(name, {**options, "zzz": 1})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rogue1", {}, "'rogue1' is not a known metric"),
        ("repetition", {"n": 0}, "metrics.repetition.options.n: Input should be greater than or equal to 1, got 0"),
        ("bertscore", {"layer": "2"}, "metrics.bertscore.options.layer: Input should be a valid integer, got '2'"),
        ("f1", {"average": "binary", "n_classes": 3}, "f1: average = 'binary' scores class 1 of 2, but n_classes = 3"),
    ],
)
def test_options_that_do_not_fit_are_refused_alone(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        metrics.check_options(name, options)
    assert message in str(caught.value)


def test_option_names() -> None:
    assert metrics.option_names("rougeLsum") == (
        "stemmer",
        "tokenizer",
        "value",
        "wordless_references",
        "split_sentences",
    )
    assert metrics.option_names("perplexity") == ()
