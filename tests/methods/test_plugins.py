"""Users' own methods: found, imported, held to what a method must do, and blamed by file and line."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from models import distilbert

from bench.config import PluginMethod, SuiteConfig
from bench.core import plugins
from bench.core.errors import InputError, TrainingError
from bench.methods import Method
from bench.methods.applying import apply_method, build
from bench.methods.plugins import load_plugin
from bench.methods.user_method import name_of
from bench.running.runs import SeedResult, run_config
from bench.running.settings import RunSettings
from bench.suites import plugins as naming
from bench.suites.plugins import plugin_table
from bench.suites.resolve import load_suite, resolve

HEAD = "from bench.methods import Method\nimport torch\n\nclass Mine(Method):\n"
LEARNS_THE_HEAD = HEAD + (
    "    def apply(self, model, config, task):\n"
    "        model.base_model.requires_grad_(False)\n"
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _config(code: str, *overrides: str) -> SuiteConfig:
    Path("mine.py").write_text(code, encoding="utf-8")
    return tiny.small("imdb", *overrides, method="./mine.py:Mine")


def _run(config: SuiteConfig) -> SeedResult:
    return run_config(config, 0, RunSettings(device="cpu", offline=True))


# --- found -----------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_table_with_its_hash_and_runs_nothing(folder: Path) -> None:
    Path("mine.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    table = plugin_table("./mine.py:Mine")
    assert table["use"] == "mine.py:Mine"
    before = table["sha256"]
    Path("mine.py").write_text("other", encoding="utf-8")
    assert plugin_table("mine.py:Mine")["sha256"] != before


def test_one_file_has_one_key_by_whatever_path(folder: Path) -> None:
    near = _config(LEARNS_THE_HEAD)
    paths = ("mine.py", str(folder / "mine.py"), f"../{folder.name}/mine.py", "./inner/../mine.py")
    Path("inner").mkdir()
    keys = {tiny.small("imdb", method=f"{path}:Mine").key for path in paths}
    assert keys == {near.key}
    outside = folder.parent / f"{folder.name}-outside.py"
    outside.write_text(LEARNS_THE_HEAD, encoding="utf-8")
    assert plugin_table(f"../{outside.name}:Mine")["use"] == f"{outside.as_posix()}:Mine"


def test_another_version_of_a_file_is_another_config(folder: Path) -> None:
    keys = {_config(LEARNS_THE_HEAD).key, _config(LEARNS_THE_HEAD + "# other\n").key, _config(LEARNS_THE_HEAD).key}
    assert len(keys) == 2
    assert _config(LEARNS_THE_HEAD).method_name == "Mine"


def test_a_module_and_an_entry_point_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "their_package"
    package.mkdir()
    (package / "__init__.py").write_text(LEARNS_THE_HEAD, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    point = importlib.metadata.EntryPoint("theirs", "their_package:Mine", naming.ENTRY_POINTS)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == "bench.methods" else [])
    by_name = tiny.small("imdb", method="theirs")
    by_place = tiny.small("imdb", method="their_package:Mine")
    assert (by_name.method_name, by_place.method_name) == ("theirs", "Mine")
    assert by_name.method == by_place.method
    assert name_of(build(by_name.method)) == "Mine"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("./nothing.py:Mine", "./nothing.py: there is no such file; --method takes path/to/file.py:Name"),
        ("no_such_package:Mine", "no_such_package: there is no such module here"),
        ("no_such_package.part:Mine", "no_such_package.part: there is no such module here"),
        ("sys:Mine", "sys: there is no such module here"),
        ("broken.part:Mine", "broken.part: does not import: ModuleNotFoundError: No module named 'nothing_of_that'"),
        ("mine.py:", "--method 'mine.py:': expected path/to/file.py:Name or package.module:Name"),
        ("mine.py:1x", "expected path/to/file.py:Name"),
    ],
)
def test_error_not_found(folder: Path, monkeypatch: pytest.MonkeyPatch, given: str, message: str) -> None:
    Path("mine.py").write_text(LEARNS_THE_HEAD, encoding="utf-8")
    (folder / "broken").mkdir()
    (folder / "broken" / "__init__.py").write_text("import nothing_of_that\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(InputError) as caught:
        resolve(load_suite("imdb"), profile="tiny", method=given)
    assert message in str(caught.value)


# --- imported --------------------------------------------------------------------------------------------------------


RAISES = HEAD + "    def __init__(self):\n        raise ValueError('no')\n"
EXITS = HEAD + "    def __init__(self):\n        raise SystemExit(0)\n"
NEEDS_RANK = HEAD + "    def __init__(self, *, rank): pass\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import nothing_of_that\n",
            "does not import: ModuleNotFoundError: No module named 'nothing_of_that' (mine.py:1)",
        ),
        ("raise SystemExit('done')\n", "mine.py: does not import: SystemExit: done (mine.py:1)"),
        ("x = 1\nclass Mine(\n", "mine.py: does not import: SyntaxError: '(' was never closed"),
        ("class Mien: pass\n", "mine.py: has no Mine; did you mean 'Mien'?"),
        ("class Mine: pass\n", "mine.py:Mine: is no subclass of bench.methods.Method"),
        ("def Mine(model): return model\n", "mine.py:Mine: is no subclass of bench.methods.Method"),
        (EXITS, "mine.py:Mine: its constructor raised SystemExit: 0 (mine.py:6)"),
        (RAISES, "mine.py:Mine: its constructor raised ValueError: no (mine.py:6)"),
        (NEEDS_RANK, "mine.py:Mine: method.settings = {} do not fit its constructor"),
    ],
)
def test_error_import(folder: Path, code: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build(_config(code).method)
    assert message in str(caught.value)


def test_settings_are_the_arguments_of_the_constructor(folder: Path) -> None:
    code = HEAD + "    def __init__(self, rank=2):\n        self.rank = rank\n"
    assert build(_config(code).method).method.rank == 2
    changed = _config(code, "method.settings.rank=7")
    assert build(changed.method).method.rank == 7
    assert changed.key != _config(code).key
    with pytest.raises(InputError, match=r"method.settings = \{'rnak': 7\} do not fit its constructor"):
        build(_config(code, "method.settings.rnak=7").method)


def test_a_file_that_changed_since_is_refused(folder: Path) -> None:
    table = _config(LEARNS_THE_HEAD).method
    Path("mine.py").write_text(LEARNS_THE_HEAD + "# changed\n", encoding="utf-8")
    assert isinstance(table, PluginMethod)
    with pytest.raises(InputError, match=r"mine\.py: is not the file that the configuration was made with"):
        load_plugin(table)


# --- held to what a method must do -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("model.requires_grad_(False)", "method Mine leaves no parameter to train"),
        ("return 'model'", "method Mine: apply returned str; return the model to train"),
        ("raise SystemExit(0)", "mine.py:Mine: apply raised SystemExit: 0 (mine.py:6)"),
        ("return 1 / 0", "mine.py:Mine: apply raised ZeroDivisionError: division by zero (mine.py:6)"),
        ("torch.nn.init.normal_(model.classifier.weight)", "method Mine changes the model before the first step"),
        ("model.classifier = torch.nn.Linear(3, 2)", "the model that apply left raised RuntimeError: mat1 and mat2"),
        (
            "model.classifier = torch.nn.Linear(8, 5)",
            "method Mine: its model gives logits (2, 5), the base model (2, 2)",
        ),
    ],
)
def test_error_apply(folder: Path, body: str, message: str) -> None:
    Path("mine.py").write_text(f"{HEAD}    def apply(self, model, config, task):\n        {body}\n", encoding="utf-8")
    method = load_plugin(PluginMethod(kind="plugin", use="mine.py:Mine"))
    with pytest.raises(InputError) as caught:
        apply_method(distilbert(), method, seed=0)
    assert message in str(caught.value)


def test_a_change_that_is_meant_is_allowed(folder: Path) -> None:
    code = HEAD + (
        "    changes_forward = True\n"
        "    def apply(self, model, config, task):\n"
        "        torch.nn.init.normal_(model.classifier.weight)\n"
    )
    Path("mine.py").write_text(code, encoding="utf-8")
    method = load_plugin(PluginMethod(kind="plugin", use="mine.py:Mine"))
    first, again = (apply_method(distilbert(), method, seed=seed).classifier.weight for seed in (0, 0))
    other = apply_method(distilbert(), method, seed=1).classifier.weight
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (
            "    def penalty(self, model):\n"
            "        self.n = getattr(self, 'n', 0) + 1\n"
            "        if self.n == 5:\n"
            "            raise ValueError('enough')\n",
            "mine.py:Mine: training at step 5 raised ValueError: enough (mine.py:10)",
        ),
        (
            "    def penalty(self, model):\n        raise SystemExit(0)\n",
            "mine.py:Mine: training at step 1 raised SystemExit: 0 (mine.py:8)",
        ),
        (
            "    def optimizer(self, model, training):\n        return torch.optim.SGD([])\n",
            "mine.py:Mine: its optimizer raised",
        ),
        (
            "    def callbacks(self, model, training):\n        return 1 / 0\n",
            "Mine: its callbacks raised ZeroDivisionError",
        ),
        (
            "    def quiet(self, model):\n        return 1 / 0\n",
            "Mine: setting up its training raised ZeroDivisionError",
        ),
    ],
)
def test_error_while_training_names_step_and_line_and_leaves_no_run(folder: Path, hook: str, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        _run(_config(LEARNS_THE_HEAD + hook))
    assert message in str(caught.value)
    assert caught.value.exit_code == 5
    assert not list(Path("runs").rglob("record.json"))


def test_error_predicting_with_a_forward_pass_that_was_meant_to_change(folder: Path) -> None:
    code = LEARNS_THE_HEAD + "        model.register_forward_hook(lambda *_: 1 / 0)\n    changes_forward = True\n"
    with pytest.raises(TrainingError, match=r"mine\.py:Mine: predicting raised ZeroDivisionError"):
        _run(_config(code))


def test_what_is_not_saved_is_found_out_on_reloading(folder: Path) -> None:
    """A base weight that moves is saved; what no weight or buffer holds cannot be."""
    code = LEARNS_THE_HEAD + (
        "        model.shift = 0.0\n"
        "        model.classifier.register_forward_hook(lambda layer, inputs, output: output * (1 + model.shift))\n"
        "    def callbacks(self, model, training):\n"
        "        from transformers import TrainerCallback\n"
        "        class Drift(TrainerCallback):\n"
        "            def on_step_end(self, args, state, control, **given):\n"
        "                model.shift += 0.01\n"
        "        return [Drift()]\n"
    )
    with pytest.raises(TrainingError, match="the saved weights do not reload to the same predictions"):
        _run(_config(code))


# --- what a method may bring -----------------------------------------------------------------------------------------


def test_optimizer_callbacks_and_penalty_are_used(folder: Path) -> None:
    code = LEARNS_THE_HEAD + (
        "    def optimizer(self, model, training):\n"
        "        return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)\n"
        "    def penalty(self, model):\n"
        "        return 10 * model.classifier.bias.square().sum()\n"
    )
    plain = _run(_config(LEARNS_THE_HEAD))
    other = _run(_config(code, "training.warmup_steps=0"))
    assert plain.record.hashes.initial_trainable == other.record.hashes.initial_trainable
    assert plain.record.hashes.final_trainable != other.record.hashes.final_trainable
    assert json.loads(_curve(other)[-1])["learning_rate"] == 0.5


def test_a_method_that_ends_training_early_is_scored_as_it_is_then(folder: Path) -> None:
    code = LEARNS_THE_HEAD + (
        "    def callbacks(self, model, training):\n"
        "        from transformers import TrainerCallback\n"
        "        class Stop(TrainerCallback):\n"
        "            def on_step_end(self, args, state, control, **given):\n"
        "                control.should_training_stop = state.global_step >= 5\n"
        "        return [Stop()]\n"
    )
    result = _run(_config(code))
    assert len(_curve(result)) == 5
    assert [look.step for look in result.record.evaluations] == [0, 3, 5]


def test_a_method_without_apply_says_what_is_missing(folder: Path) -> None:
    Path("mine.py").write_text(HEAD + "    pass\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"apply raised NotImplementedError: Mine must say what trains"):
        apply_method(distilbert(), load_plugin(PluginMethod(kind="plugin", use="mine.py:Mine")), seed=0)


def test_merged_weights_are_saved_as_a_plain_model_that_answers_as_before(folder: Path) -> None:
    config = tiny.small("imdb", "training.save=merged", method="lora")
    result = _run(config)
    assert result.record.reload_identical
    names = (result.folder / "model" / "model.safetensors").read_bytes()[:20_000]
    assert b"lora" not in names
    assert b"query.weight" in names


def test_a_merge_that_changes_answers_is_refused(folder: Path) -> None:
    code = LEARNS_THE_HEAD + (
        "    def merge(self, model):\n"
        "        torch.nn.init.zeros_(model.classifier.weight)\n"
        "        return model\n"
    )  # fmt: skip
    with pytest.raises(TrainingError, match="the merged model answers otherwise than the trained one"):
        _run(_config(code, "training.save=merged"))


def test_our_own_bugs_are_not_blamed_on_a_user() -> None:
    class Wrong(Method):
        def apply(self, model: Any, config: Any, task: Any) -> Any:
            raise RuntimeError("ours")

    Wrong.__module__ = "bench.methods.wrong"
    with pytest.raises(RuntimeError, match="ours"):
        apply_method(distilbert(), Wrong(), seed=0)


def _curve(result: SeedResult) -> list[str]:
    return (result.folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()
