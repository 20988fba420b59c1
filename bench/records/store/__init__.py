"""The layout on disk, known here and nowhere else, and the objects that stand for what lies there.

    runs/<suite>/<profile>/<method>/<config key>/
        verdicts.jsonl           one row per verdict that was given on its seeds (`bench.records.store.verdicts`)
    runs/<suite>/<profile>/<method>/<config key>/seed-<n>/
        config.lock.toml         the resolved configuration
        record.json              `RunRecord`, canonical JSON; written last, so a folder without it is not a result
        predictions.jsonl        one row per test example, after fine-tuning
        predictions-before.jsonl the same before fine-tuning
        statistics.safetensors   per-example sufficient statistics of every metric: `before/<metric>`, `after/<metric>`
        curve.jsonl              one row per optimizer step and one per epoch
        weights.safetensors      the trained parameters (or in model/, by save_pretrained)
        model/                   the same for transformers and peft: configuration, tokenizer, adapter or whole model

    baselines/<suite>/documented.json                    what the recipe claims (`bench.comparing.claims`)
    baselines/<suite>/<profile>/<method>.json            scores, hashes and cost of every seed, and why it was made
    baselines/<suite>/<profile>/<method>.safetensors     per-example statistics after fine-tuning, for paired tests,
                                                         and the loss of every step, to rerun against

A command makes one `Store` and passes on what it hands out, so that a file is read once however many parts of the
command look at it.
"""

from __future__ import annotations

from bench.records.store.baseline import (
    StoredBaseline,
    baseline_path,
    baseline_sha256,
    write_baseline,
    write_noise,
)
from bench.records.store.finding import DOCUMENTED_FILE, Store, default_roots
from bench.records.store.name import ResultName
from bench.records.store.run import (
    CURVE_FILE,
    LOCK_FILE,
    PREDICTIONS_FILES,
    RECORD_FILE,
    STATISTICS_FILE,
    StoredRun,
    is_stored,
    peek_record,
    read_record,
    read_statistics,
    run_folder,
    runs_root_of,
    seed_folders,
    stored_folders,
    write_curve,
    write_record,
    write_rescored,
    write_statistics,
)

__all__ = [
    "CURVE_FILE",
    "DOCUMENTED_FILE",
    "LOCK_FILE",
    "PREDICTIONS_FILES",
    "RECORD_FILE",
    "STATISTICS_FILE",
    "ResultName",
    "Store",
    "StoredBaseline",
    "StoredRun",
    "baseline_path",
    "baseline_sha256",
    "default_roots",
    "is_stored",
    "peek_record",
    "read_record",
    "read_statistics",
    "run_folder",
    "runs_root_of",
    "seed_folders",
    "stored_folders",
    "write_baseline",
    "write_curve",
    "write_noise",
    "write_record",
    "write_rescored",
    "write_statistics",
]
