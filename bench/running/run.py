"""One config, one seed: the whole chain from a resolved suite to a stored record.

SuiteConfig -> Splits -> BaseModel -> (Method) -> TrainOutcome -> Predictions -> {metric: Score} -> RunRecord
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Iterator

import tomli_w
import torch

from bench.config import SuiteConfig
from bench.core.errors import DeviceError
from bench.core.files import atomic_folder
from bench.core.progress import Clock
from bench.materials.fetch import Materials, fetch
from bench.methods.applying import build
from bench.records.provenance import code_at_hand, environment
from bench.records.record import Hashes, RunRecord
from bench.records.store import (
    LOCK_FILE,
    PREDICTIONS_FILES,
    run_folder,
    write_curve,
    write_record,
    write_statistics,
)
from bench.running.cache import RunCache
from bench.running.context import RunContext
from bench.running.cost import CostMeter
from bench.running.device import choose_device, device_class, make_deterministic
from bench.running.learning import Learned, learn
from bench.running.loading import encode, load, summarize_model
from bench.running.preparing import prepare
from bench.running.saving import save
from bench.running.scoring import check_references, open_judge, open_metrics, score_human_texts, score_predictions
from bench.running.settings import RunSettings
from bench.running.trackers import check_trackers
from bench.running.user_files import user_files


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
    meter, clock = CostMeter(device), Clock(settings.progress)
    with clock.stage("fetching"):
        materials = materials_of(config, settings, cache)
    with _explain_want_of_memory(device), atomic_folder(run_folder(settings.runs_root, config, seed)) as folder:
        run = RunContext(
            config=config,
            seed=seed,
            settings=settings,
            device=device,
            materials=materials,
            method=build(config.method),
            cache=cache,
            clock=clock,
            folder=folder,
        )
        record = _run_stages(run, meter, determinism)
        write_record(folder, record)
    return record


def materials_of(config: SuiteConfig, settings: RunSettings, cache: RunCache) -> Materials:
    """Return what a run needs, fetched unless an earlier run has it in the cache; see `bench.materials.fetch.fetch`."""
    return cache.materials.get(
        cache.open(config), lambda: fetch(config, offline=settings.offline, announce=settings.progress.say)
    )


def _run_stages(run: RunContext, meter: CostMeter, determinism: dict[str, str]) -> RunRecord:
    """Do every stage in its order, write all files of the run but the record, and return that."""
    code_at_hand()  # before anything runs: what is edited meanwhile is not what ran
    files = user_files(run.config, run.settings)
    _write_config(run)
    loaded = load(run)
    rows = encode(run, loaded)
    loaded = prepare(run, loaded, rows)
    judge = open_judge(run, loaded)
    metrics = open_metrics(run, judge)
    check_references(run, metrics)
    controls = score_human_texts(run, loaded, metrics)
    learned = learn(run, loaded, rows, metrics)
    model, initial_hash = summarize_model(run, loaded), loaded.initial_hash
    if learned.final_hash == initial_hash:
        run.settings.progress.say(
            "warning: training changed no weight, so every score is that of the start; does the method's loss or its "
            "gradients reach what trains?"
        )
    saved_bytes = save(run, loaded, rows)
    del loaded  # metrics may bring models of their own
    gc.collect()
    predictions_hash = _write_predictions(run, learned)
    scores = score_predictions(run, metrics, learned)
    write_statistics(run.folder, scores.statistics, learned.after.groups_of())
    config = run.config
    return RunRecord(
        suite=config.suite,
        profile=config.profile,
        method=config.method_name,
        seed=run.seed,
        config_key=config.key,
        config=config,
        data=run.materials.splits.summary,
        model=model,
        hashes=Hashes(
            initial_trainable=initial_hash,
            batch_order=learned.outcome.batch_order,
            final_trainable=learned.final_hash,
            predictions=predictions_hash,
        ),
        scores_before=scores.before,
        scores=scores.after,
        changes=scores.changes,
        epochs=learned.outcome.epochs,
        evaluations=learned.evaluations,
        judge=None if judge is None else judge.summary,
        controls=controls,
        forgetting=learned.forgetting,
        reload_identical=True,
        environment=environment(
            device=device_class(run.device),
            n_threads=torch.get_num_threads(),
            precision=config.training.precision,
            determinism=determinism,
            user_files=files,
        ),
        cost=meter.cost(run.clock, n_training_tokens=learned.outcome.n_tokens, saved_bytes=saved_bytes),
    )


def _write_config(run: RunContext) -> None:
    values = run.config.model_dump(mode="json", exclude_none=True)
    (run.folder / LOCK_FILE).write_text(tomli_w.dumps(values), encoding="utf-8")


def _write_predictions(run: RunContext, learned: Learned) -> str:
    """Write predictions and curve, and return the sha256 of the predictions after fine-tuning."""
    learned.before.write(run.folder / PREDICTIONS_FILES["before"])
    path = run.folder / PREDICTIONS_FILES["after"]
    learned.after.write(path)
    write_curve(run.folder, learned.outcome.curve)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def _explain_want_of_memory(device: torch.device) -> Iterator[None]:
    """Say what helps where the device runs out of memory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{device}: out of memory ({str(error).splitlines()[0]}); lower training.batch_size or "
            "training.evaluation_batch_size, or shorten the texts"
        ) from None
