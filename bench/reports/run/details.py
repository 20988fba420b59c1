"""The report's sections below the results: parameters, cost, samples, soundness and where everything came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from bench import metrics
from bench.comparing.summary import RunSummary
from bench.core.dotted import ABSENT, value_at
from bench.core.wording import plural
from bench.materials.duplicates import RESEMBLANCE
from bench.records.predictions import INPUT_CHARACTERS
from bench.records.record import DataSummary, Environment
from bench.records.store import LOCK_FILE, run_folder
from bench.reports.format import cell, code, count, seconds, share, size, table
from bench.reports.naming import is_as_shipped
from bench.reports.run.samples import N_SAMPLES, Sample
from bench.reports.run.what_ran import in_order, unit_of_test
from bench.reports.score_notes import note_lines

_LABELS_ARE = {"names": "names, as in `data.labels`", "numbers": "positions in `data.labels`, from 0"}


def parameters(summary: RunSummary) -> Iterable[str]:
    """Yield how many parameters there are and how many learn."""
    model = summary.records[0].model
    yield table(
        ("total", "trainable", "share"),
        [(count(model.total_parameters), count(model.trainable_parameters), share(model.trainable_share))],
    )
    if model.new_modules:
        names = ", ".join(map(code, model.new_modules))
        yield f"New, drawn from the run seed: {names}. All other weights are the base model's."


def cost(summary: RunSummary) -> Iterable[str]:
    """Yield time and memory, as means over seeds; the longest stage first."""
    costs = [record.cost for record in summary.records]
    names = dict.fromkeys(name for cost_of in costs for name in cost_of.stages_s)
    means = {name: fmean(cost_of.stages_s.get(name, 0.0) for cost_of in costs) for name in names}
    rows = [(cell(name), seconds(means[name])) for name in sorted(means, key=lambda name: -means[name])]
    rows.append(("**whole run**", f"**{seconds(fmean(cost_of.wall_time_s for cost_of in costs))}**"))
    yield table(("stage", "time"), rows)
    gpu = [cost_of.peak_gpu_memory_bytes for cost_of in costs if cost_of.peak_gpu_memory_bytes is not None]
    facts = [
        ("peak memory of the process", size(fmean(cost_of.peak_memory_bytes for cost_of in costs))),
        *([("peak memory of the GPU", size(fmean(gpu)))] if gpu else []),
        ("training tokens", count(fmean(cost_of.n_training_tokens for cost_of in costs))),
        ("training tokens a second", count(fmean(cost_of.training_tokens_per_s for cost_of in costs))),
        ("saved weights", size(fmean(cost_of.saved_bytes for cost_of in costs))),
    ]
    yield table(("what", "value"), facts)
    over = f"Means over {plural(len(costs), 'seed')}" if len(costs) > 1 else "One seed"
    yield f"{over}, on {_distinct(summary, 'device')}; no two machines share these numbers."


def sample_table(summary: RunSummary, samples: Sequence[Sample]) -> Iterable[str]:
    """Yield test rows, or samples of a writer, beside what the model said of them."""
    if not samples:
        return
    task = summary.config.task
    labelled = samples[0].right is not None
    rule = (
        f"the first {N_SAMPLES // 2} wrong and the first {N_SAMPLES // 2} right test rows, as far as there are as many"
        if labelled
        else f"the first {task.row_name}s"
    )
    yield f"Seed {summary.records[0].seed}: {rule}; none is picked by hand. Long texts are cut."
    columns = [("id", [code(s.id) for s in samples])]
    if any(s.input for s in samples):  # without a prompt there is none
        columns.append(("input", [cell(s.input, max_characters=INPUT_CHARACTERS) for s in samples]))
    columns += [
        (task.reference_name, [cell(s.reference) for s in samples]),
        ("before", [cell(s.before) for s in samples]),
        ("after", [cell(s.after) for s in samples]),
    ]
    if labelled:
        columns.append(("right", ["yes" if s.right else "no" for s in samples]))
    yield table([name for name, _ in columns], list(zip(*(cells for _, cells in columns), strict=True)))


def _near_duplicates(data: DataSummary) -> list[tuple[str, str]]:
    if data.near_duplicates is None:
        return []
    rule = f"{RESEMBLANCE:.0%} of their word pairs or more, the equal ones included"
    unit = unit_of_test(data.splits)
    return [(f"test {unit} that share {rule} with one of the training {unit}", count(data.near_duplicates))]


def soundness(summary: RunSummary) -> Iterable[str]:
    """Yield the reload check, leaks, duplicates, and whether seeds do what seeds should."""
    records = summary.records
    data = records[0].data
    n_reloaded = sum(record.reload_identical for record in records)
    facts = [
        ("saved weights reload to the same predictions", f"{n_reloaded} of {plural(len(records), 'seed')}"),
        (_LEAKS[unit_of_test(data.splits)], count(data.train_test_overlap)),
        *_near_duplicates(data),
        *([("labels in the rows", _LABELS_ARE[data.labels_are])] if data.labels_are else []),
        *(
            (f"{cell(name)} {_REPEATS[split.unit]} earlier in the split", count(split.exact_duplicates))
            for name, split in in_order(data.splits)
        ),
    ]
    if len(records) > 1:
        for name, count_name in (
            ("initial_trainable", "initial trainable weights"),
            ("batch_order", "batch orders"),
            ("final_trainable", "final weights"),
        ):
            n_distinct = len({getattr(record.hashes, name) for record in records})
            facts.append((f"different {count_name}", f"{n_distinct} among {plural(len(records), 'seed')}"))
    yield table(("check", "result"), facts)


_LEAKS = {
    "rows": "test rows whose input is also a training row's",
    "paragraphs": "test paragraphs that are also training paragraphs",
}
_REPEATS = {"rows": "rows whose input came", "paragraphs": "paragraphs that came"}


def signatures(summary: RunSummary) -> Iterable[str]:
    """Yield what each metric is, exactly."""
    rows = [(cell(metrics.spec_or_name(row.metric).title), code(row.signature)) for row in summary.rows]
    yield table(("metric", "signature"), rows)


def metric_notes(summary: RunSummary) -> Iterable[str]:
    """Yield what metrics counted that a reader of the scores should know, such as letters that no tokenizer kept."""
    lines = note_lines(*(record.scores for record in summary.records))
    if lines:
        yield "\n".join(f"- {cell(line, max_characters=len(line))}" for line in lines)


def choices(summary: RunSummary) -> Iterable[str]:
    """Yield every setting that the recipe leaves open, and why it is what it is."""
    chosen = summary.config.chosen
    if not chosen:
        return
    values = summary.config.model_dump(mode="json")
    rows = [(code(path), _value_at(values, path), cell(why)) for path, why in chosen.items()]
    yield table(("setting", "value", "why"), rows)


def _value_at(values: Any, path: str) -> str:
    value = value_at(values, path)
    if isinstance(value, dict):
        return ", ".join(f"{name} = {inner}" for name, inner in value.items() if inner is not None)
    return "—" if value is None or value is ABSENT else cell(str(value))


def provenance(summary: RunSummary) -> Iterable[str]:
    """Yield versions, commit, device and determinism, every distinct one where seeds differ."""
    facts = [
        ("bench", _distinct(summary, "bench_version")),
        ("commit", ", ".join(dict.fromkeys(_commit(e) for e in _environments(summary)))),
        *_user_files(summary),
        ("device", _distinct(summary, "device")),
        ("CPU threads", _distinct(summary, "n_threads")),
        *([("processes", processes)] if (processes := _distinct(summary, "n_processes")) != "1" else []),
        ("precision", _distinct(summary, "precision")),
        ("Python", _distinct(summary, "python")),
        ("platform", _distinct(summary, "platform")),
        ("determinism", _tables(summary, "determinism", "=")),
        ("packages", _tables(summary, "packages", " ")),
        ("started", ", ".join(record.cost.started_at for record in summary.records)),
    ]
    yield table(("what", "value"), facts)


def _environments(summary: RunSummary) -> list[Environment]:
    return [record.environment for record in summary.records]


def _distinct(summary: RunSummary, field: str) -> str:
    return ", ".join(dict.fromkeys(cell(str(getattr(e, field))) for e in _environments(summary)))


def _tables(summary: RunSummary, field: str, joint: str) -> str:
    listed = (
        ", ".join(cell(f"{name}{joint}{value}") for name, value in sorted(getattr(e, field).items()))
        for e in _environments(summary)
    )
    return "; or ".join(dict.fromkeys(listed)) or "—"


def _commit(environment: Environment) -> str:
    return _held_by(environment.commit, environment.dirty)


def _held_by(commit: str | None, dirty: bool | None) -> str:
    if commit is None:
        return "not in a working tree" if dirty is None else "no commit holds them"
    changes = {True: ", with uncommitted changes", False: "", None: ", state unknown"}[dirty]
    return code(commit[:12]) + changes


def _user_files(summary: RunSummary) -> Iterable[tuple[str, str]]:
    """Yield which commit holds the suite, the user's method and metrics, as far as records say."""
    trees: dict[str, list[str]] = {}
    for environment in _environments(summary):
        for name, tree in environment.user_files.items():
            trees.setdefault(name, []).append(_held_by(tree.commit, tree.dirty))
    yield from ((f"files of the {cell(name)}", ", ".join(dict.fromkeys(held))) for name, held in trees.items())


def rerun(summary: RunSummary) -> Iterable[str]:
    """Yield the one command that runs this again: by name, or from the stored settings where `--set` changed any."""
    config = summary.config
    seeds = ",".join(str(record.seed) for record in summary.records)
    lock = run_folder(Path("runs"), config, summary.records[0].seed) / LOCK_FILE
    if is_as_shipped(config):
        suite = f"suites/{config.suite} --profile {config.profile} --method {config.method_name}"
    else:
        suite = lock.as_posix()
    yield f"```sh\nbench run {suite} --seeds {seeds}\n```"
    yield f"All settings, as they were, are in {code(lock.as_posix())}."
