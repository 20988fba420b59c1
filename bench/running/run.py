"""The one module that knows the whole chain, from a suite to a stored record.

suite.toml -> SuiteConfig -> Splits -> BaseModel -> (Method) -> TrainOutcome -> Predictions -> {metric: Score}
-> RunRecord.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import hashlib
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from bench import metrics
from bench.config import SplitName, SuiteConfig
from bench.core import seeds
from bench.core.errors import DeviceError, TrainingError
from bench.core.files import atomic_folder
from bench.core.progress import Advance, Clock
from bench.materials.base_model import count_parameters, load_model, load_tokenizer
from bench.materials.fetch import Materials, fetch
from bench.materials.heads import HEADS
from bench.materials.splits import SPLITS
from bench.methods import Method
from bench.methods.applying import build, state_hash, trainable_state
from bench.methods.user_method import explain_errors
from bench.metrics.base import Metric
from bench.metrics.score import score
from bench.records.predictions import Predictions
from bench.records.provenance import environment
from bench.records.record import (
    Change,
    Cost,
    Evaluation,
    Hashes,
    ModelSummary,
    Point,
    RunRecord,
    Score,
)
from bench.records.store import (
    LOCK_FILE,
    PREDICTIONS_FILES,
    run_folder,
    write_curve,
    write_record,
    write_statistics,
)
from bench.running.cache import EncodedRows, RunCache
from bench.running.device import choose_device, device_class, make_deterministic
from bench.running.forgetting import forgetting, mean_losses, unrelated_windows
from bench.running.settings import RunSettings
from bench.running.trackers import check_trackers
from bench.running.trainer import TrainOutcome, train
from bench.running.training_arguments import n_steps
from bench.running.weights import load_saved, save_trained
from bench.statistics.intervals import paired_bootstrap
from bench.tasks.base import Item, Judge, Task, kind_of_task
from bench.tasks.batches import autocast

N_RELOADED = 4
"""Test examples on which the saved weights must repeat the trained model exactly."""
MERGE_TOLERANCE_NATS = 1e-3
"""Folding an adapter into weights rounds; an example's loss may move by this much."""


def materials_of(config: SuiteConfig, settings: RunSettings, cache: RunCache) -> Materials:
    """Return what a run needs, fetched unless an earlier run has it in the cache; see `bench.materials.fetch.fetch`."""
    return cache.materials.get(
        cache.open(config), lambda: fetch(config, offline=settings.offline, announce=settings.progress.say)
    )


def run_seed(config: SuiteConfig, seed: int, settings: RunSettings, cache: RunCache | None = None) -> RunRecord:
    """Fine-tune and score once, and store the record.

    The run folder appears whole or not at all.

    Args:
        config: the resolved suite.
        seed: the run seed, 0 or above.
        settings: where and how.
        cache: what several runs of a process share; give all of them the same one.

    Returns:
        The record, as stored under `run_folder(settings.runs_root, config, seed)`.

    Raises:
        InputError: the data or the method does not fit the suite.
        RunError: a source, the device, the memory or the loss failed.
    """
    cache = cache or RunCache()
    check_trackers(settings.report_to)
    device = choose_device(settings.device)
    determinism = make_deterministic()
    started_at, start, cpu_start = datetime.datetime.now(datetime.UTC), time.perf_counter(), time.process_time()
    _forget_peak_memory()
    clock = Clock(settings.progress)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with clock.stage("fetching"):
        materials = materials_of(config, settings, cache)
    try:
        with atomic_folder(run_folder(settings.runs_root, config, seed)) as folder:
            (folder / LOCK_FILE).write_text(
                tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)), encoding="utf-8"
            )
            work = _Run(config, seed, device, settings, cache, clock, folder, materials, build(config.method))
            result = work.do()
            record = RunRecord(
                suite=config.suite,
                profile=config.profile,
                method=config.method_name,
                seed=seed,
                config_key=config.key,
                config=config,
                data=materials.splits.summary,
                environment=environment(
                    device=device_class(device),
                    n_threads=torch.get_num_threads(),
                    precision=config.training.precision,
                    determinism=determinism,
                ),
                cost=Cost(
                    started_at=started_at.isoformat(timespec="seconds"),
                    wall_time_s=time.perf_counter() - start,
                    cpu_time_s=time.process_time() - cpu_start,
                    stages_s=clock.stages_s,
                    peak_memory_bytes=_peak_memory_bytes(),
                    peak_gpu_memory_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
                    n_training_tokens=result.n_tokens,
                    training_tokens_per_s=result.n_tokens / clock.stages_s["training"],
                    saved_bytes=result.saved_bytes,
                ),
                **result.fields,
            )
            write_record(folder, record)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{device}: out of memory ({str(error).splitlines()[0]}); lower training.batch_size or "
            "training.evaluation_batch_size, or shorten the texts"
        ) from None
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What the stages found, ready for the record."""

    fields: dict[str, Any]
    n_tokens: int
    saved_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """Training, and what was predicted along the way."""

    before: Predictions
    after: Predictions
    evaluations: tuple[Evaluation, ...]
    """Empty where no curve was asked for."""
    outcome: TrainOutcome


@dataclass(frozen=True, slots=True)
class _Run:
    """One config, one seed: the stages in their order."""

    config: SuiteConfig
    seed: int
    device: torch.device
    settings: RunSettings
    cache: RunCache
    clock: Clock
    folder: Path
    materials: Materials
    method: Method

    def do(self) -> _Result:
        """Run every stage and write all files of the run folder except the record."""
        config, splits = self.config, self.materials.splits
        with self.clock.stage("loading"):
            model = self._model()
            tokenizer = load_tokenizer(self.materials.base, padding_side=HEADS[config.model.family].padding_side)
            task = kind_of_task(config).build(config, tokenizer, model, seed=self.seed)
            initial = state_hash(trainable_state(model))
        n_rows = len(splits.train) + len(splits.validation) + len(splits.test)
        with self.clock.stage("encoding", n_rows) as advance:
            rows, validation, test = (self._encode(task, model, split, advance) for split in SPLITS)
            windows = self._unrelated(model, tokenizer)
        judge = self._judge(tokenizer)
        cache, device = self.cache, str(self.device)
        built = cache.metrics.get(device, lambda: {name: self._metric(name, judge) for name in config.metrics})
        controls = cache.controls.get(device, partial(self._controls, task, built))
        unrelated_before = self._unrelated_losses(task, model, windows)
        course = self._learn(model, task, rows, validation, test, built)
        unrelated_after = self._unrelated_losses(task, model, windows)
        final = state_hash(trainable_state(model))
        summary = self._model_summary(model)
        with (
            self.clock.stage("saving"),
            explain_errors(self.method, "saving and reloading"),
        ):
            kept_model = self._merged(task, model, test) if config.training.save == "merged" else model
            saved_bytes = save_trained(kept_model, config, self.folder)
            self._check_reload(task, kept_model, test)
        del model, kept_model, task
        gc.collect()
        hashes = Hashes(
            initial_trainable=initial,
            batch_order=course.outcome.batch_order,
            final_trainable=final,
            predictions=self._write_predictions(course.before, course.after),
        )
        write_curve(self.folder, course.outcome.curve)
        return _Result(
            fields={
                "model": summary,
                "hashes": hashes,
                "reload_identical": True,
                "epochs": course.outcome.epochs,
                "evaluations": course.evaluations,
                "judge": None if judge is None else judge.summary,
                "controls": controls,
                "forgetting": forgetting(unrelated_before, unrelated_after, windows),
                **self._scores(built, course.before, course.after),
            },
            n_tokens=course.outcome.n_tokens,
            saved_bytes=saved_bytes,
        )

    def _encode(self, task: Task, model: Any, split: SplitName, advance: Advance) -> list[Item]:
        """Return the items of a split; what does not depend on method or seed is encoded once a process."""
        rows = getattr(self.materials.splits, split)
        key = EncodedRows(
            split=split,
            encoded_by=task.encoded_by(split),
            max_positions=getattr(model.config, "max_position_embeddings", None),
            device=str(self.device),
        )
        return self.cache.encoded.get(key, lambda: task.encode(model, rows, split, advance=advance))

    def _unrelated(self, model: Any, tokenizer: Any) -> dict[str, torch.Tensor]:
        """Return windows of the texts on which forgetting is measured."""
        limit = getattr(model.config, "max_position_embeddings", None)
        return unrelated_windows(self.materials.splits.controls, tokenizer, max_positions=limit)

    def _unrelated_losses(self, task: Task, model: Any, windows: Mapping[str, torch.Tensor]) -> dict[str, float]:
        explained = explain_errors(self.method, "predicting unrelated text")
        with explained, torch.inference_mode(), autocast(self.config.training, model):
            return mean_losses(task.writers(model), windows)

    def _learn(
        self,
        model: Any,
        task: Task,
        rows: Sequence[Item],
        validation: Sequence[Item],
        test: Sequence[Item],
        built: Mapping[str, Metric],
    ) -> _Course:
        """Generate -> Classify -> Optimize, again and again until the budget is spent."""
        config = self.config.training
        stages: list[Predictions] = []
        evaluations: list[Evaluation] = []

        def look(step: int, train_loss: float | None, advance: Advance) -> None:
            stages.append(self._predict(task, model, test, advance))
            if not np.isfinite(stages[-1].losses_nats).all():
                raise TrainingError(
                    f"step {step}: the model's losses on the scored rows are not finite; lower training.learning_rate "
                    f"(now {config.learning_rate:g}) or set training.max_grad_norm"
                )
            del stages[1:-1]  # the first and the last are kept whole, the others as points
            if config.evaluate_every_steps is not None:
                points = {name: self._point(built[name], stages[-1]) for name in self._curve_metrics}
                evaluations.append(Evaluation(step=step, train_loss=train_loss, scores=points))

        def look_in_training(step: int, train_loss: float) -> None:
            with self.clock.pause("evaluating"):
                look(step, train_loss, _unseen)

        steps = n_steps(config, len(rows))
        with self.clock.stage("predicting before", len(test)) as advance:
            look(0, None, advance)
        with self.clock.stage("training", steps) as advance:
            outcome = train(
                model,
                task,
                rows,
                validation,
                config,
                seed=self.seed,
                method=self.method,
                evaluate=look_in_training,
                report_to=self.settings.report_to,
                run_name=f"{self.config.suite}/{self.config.profile}/{self.config.method_name}/seed-{self.seed}",
                log_folder=self.folder / "trackers" if self.settings.report_to else None,
                advance=advance,
            )
        if config.evaluate_every_steps is None:
            with self.clock.stage("predicting after", len(test)) as advance:
                look(steps, None, advance)
        return _Course(before=stages[0], after=stages[-1], evaluations=tuple(evaluations), outcome=outcome)

    @property
    def _curve_metrics(self) -> tuple[str, ...]:
        return self.config.training.evaluate_metrics or (self.config.primary_metric,)

    def _point(self, metric: Metric, predictions: Predictions) -> Point:
        inputs = predictions.inputs_of(metric.spec.inputs, self.config.metrics[metric.spec.name])
        seen, _ = score(metric, *inputs, seed=self.seed)
        return Point(value=seen.value, low=seen.low, high=seen.high)

    def _judge(self, tokenizer: Any) -> Judge | None:
        """Return the judge of what the model generates, where the kind of task has one."""
        return kind_of_task(self.config).open_judge(
            self.config,
            self.materials,
            tokenizer=tokenizer,
            device=self.device,
            train=train,
            stage=self.clock.stage,
            folder=self.folder,
        )

    def _metric(self, name: str, judge: Judge | None) -> Metric:
        """Build a metric with whatever it needs: a model, a tokenizer, the training text, the judge."""
        config, chosen = self.config, self.config.metrics[name]
        needs, options, given = metrics.needs(name), dict(chosen.options), dict[str, Any]()
        if "model" in needs:
            fetched = self.materials.metric_models[name]
            given = {"model_path": fetched.path, "model_identity": fetched.identity}
        if "tokenizer" in needs:
            given["model_path"] = self.materials.base.folder
        if "corpus" in needs:
            given["corpus"] = "\n\n".join(example.input for example in self.materials.splits.train)
        if "judge" in needs and judge is not None:
            given["model_path"] = judge.folder
            options = dict(judge.metric_options) | options
        return metrics.build(name, options, n_classes=len(config.data.labels) or None, **given)

    def _model(self) -> Any:
        """Return base weights under the method, on the device; the same every time for one seed."""
        config = self.config

        def load() -> Any:
            return load_model(config.model, self.materials.base, n_labels=len(config.data.labels), seed=self.seed)

        return kind_of_task(config).build_model(config, self.method, load, seed=self.seed).to(self.device).eval()

    def _predict(self, task: Task, model: Any, items: Sequence[Item], advance: Advance) -> Predictions:
        training = self.config.training
        explained = explain_errors(self.method, "predicting")
        with explained, torch.inference_mode(), autocast(training, model):
            return task.predict(model, items, batch_size=training.evaluation_batch_size, advance=advance)

    def _check_reload(self, task: Task, model: Any, test: Sequence[Item]) -> None:
        """Load the saved weights into a fresh model and compare its answers with those of the trained one."""
        items = _some(test)
        expected = self._predict(task, model, items, _unseen)
        fresh = load_saved(self._model(), self.config, self.folder, self.device)
        got = self._predict(task, fresh, items, _unseen)
        if got.predictions != expected.predictions or not np.array_equal(got.losses_nats, expected.losses_nats):
            gap = float(np.abs(got.losses_nats - expected.losses_nats).max())
            raise TrainingError(
                f"{self.folder.name}: the saved weights do not reload to the same predictions (losses differ by up to "
                f"{gap:.3g} nats); something that training changed is not among the trainable parameters"
            )

    def _merged(self, task: Task, model: Any, test: Sequence[Item]) -> Any:
        """Return the model with all that the method added folded in, if it answers as before."""
        items = _some(test)
        expected = self._predict(task, model, items, _unseen)
        merged = self.method.merge(model).eval()
        got = self._predict(task, merged, items, _unseen)
        gap = float(np.abs(got.losses_nats - expected.losses_nats).max())
        if not gap <= MERGE_TOLERANCE_NATS:
            raise TrainingError(
                f"{self.folder.name}: the merged model answers otherwise than the trained one (losses differ by up to "
                f"{gap:.3g} nats); mend the method's merge, or use training.save = 'trainable'"
            )
        return merged

    def _model_summary(self, model: Any) -> ModelSummary:
        total, trainable = count_parameters(model), count_parameters(model, trainable=True)
        return ModelSummary(
            base=self.materials.base.identity,
            total_parameters=total,
            trainable_parameters=trainable,
            trainable_share=trainable / total,
        )

    def _write_predictions(self, before: Predictions, after: Predictions) -> str:
        before.write(self.folder / PREDICTIONS_FILES["before"])
        path = self.folder / PREDICTIONS_FILES["after"]
        after.write(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def _controls(self, task: Task, built: Mapping[str, Metric]) -> dict[str, dict[str, Score]]:
        """Score texts by people; before training, so that one which cannot be scored costs none."""
        human = task.human_texts(self.materials.splits)
        controls: dict[str, dict[str, Score]] = {title: {} for title in human}
        if not human:
            return controls
        with self.clock.stage("scoring human texts", len(human)) as advance:
            for title, texts in human.items():
                for name, metric in built.items():
                    if metric.spec.inputs in texts.metric_inputs:
                        inputs = texts.predictions.inputs_of(metric.spec.inputs, self.config.metrics[name])
                        controls[title][name], _ = score(metric, *inputs)  # not by run seed: the same for all
                advance(1)
        return controls

    def _scores(self, built: Mapping[str, Metric], before: Predictions, after: Predictions) -> dict[str, Any]:
        scores: dict[str, dict[str, Score]] = {"before": {}, "after": {}}
        statistics: dict[str, dict[str, np.ndarray]] = {"before": {}, "after": {}}
        changes: dict[str, Change] = {}
        draw = seeds.derive(self.seed, "bootstrap")
        with self.clock.stage("scoring", len(built)) as advance:
            for name, metric in built.items():
                chosen = self.config.metrics[name]
                for stage, predictions in (("before", before), ("after", after)):
                    inputs = predictions.inputs_of(metric.spec.inputs, chosen)
                    scores[stage][name], statistics[stage][name] = score(metric, *inputs, seed=self.seed)
                change = paired_bootstrap(
                    metric.aggregate, statistics["after"][name], statistics["before"][name], seed=draw
                )
                changes[name] = Change(
                    value=change.value, low=change.low, high=change.high, confidence=change.confidence
                )
                advance(1)
        write_statistics(self.folder, statistics)  # type: ignore[arg-type]
        return {"scores_before": scores["before"], "scores": scores["after"], "changes": changes}


def _some(test: Sequence[Item]) -> Sequence[Item]:
    return test[:: max(1, len(test) // N_RELOADED)][:N_RELOADED]


def _unseen(n: int, **shown: float) -> None:
    """Advance no bar."""


def _forget_peak_memory() -> None:
    """Let the system count peak memory from here on, where it can (Linux), so that runs of one process do not share."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_memory_bytes() -> int:
    """Return the greatest resident memory since `_forget_peak_memory`, or that this process ever had."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes everywhere but on macOS
