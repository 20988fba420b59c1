"""What of peft's options cannot be given here, or would be another method than its name says: refused by name.

peft records such an option and goes on without what it needs; a result would then stand under a name that it has not
earned. A test goes through every option of the installed peft, so that a new one is looked at before it is taken.
"""

from __future__ import annotations

import re
import typing
from dataclasses import fields, is_dataclass
from typing import Any

from bench.core.errors import InputError, suggest

DATA_STARTS = ("eva", "corda", "lora_ga")
"""Values of `init_lora_weights` that need training batches; `bench.methods.data_starts` gives them."""
WEIGHT_STARTS = ("pissa", "olora", "orthogonal", "mica", "gaussian")
"""Values that need nothing but base weights and seed; beside them `pissa_niter_N`, and `true` for plain LoRA."""
_PISSA_BY_ITERATIONS = re.compile(r"pissa_niter_\d+")
REFUSED_STARTS = {
    "loftq": "LoftQ starts from a base that is quantized to 4 bits (bitsandbytes, on a GPU), and bench trains the "
    "base in full precision; it would answer differently from the base before the first step, too",
    False: "peft then draws both factors at random, to find bugs with: the model answers differently from the base "
    "before the first step",
}
"""Value of `init_lora_weights` -> why it is refused."""
REFUSED_KEYS = {
    "layer_replication": "it stacks layers again, and so trains a deeper model, which answers differently from the "
    "base before the first step",
    "arrow_config": "it routes between adapters that were trained before, and there are none",
    "monteclora_config": "its loss has a variational term that peft leaves to the training loop and gives no public "
    "way to",
    "kasa_config": "its loss has two terms that peft leaves to the training loop and gives no public way to, and it "
    "cuts the base weights, which changes answers before the first step",
    "use_qalora": "peft has it for GPTQ-quantized layers alone, and bench trains the base in full precision",
    "alora_invocation_tokens": "every text would have to hold the invocation tokens, which the rows do not",
    "megatron_config": "it needs layers of Megatron, which the models here do not have",
    "use_asa": "its budget moves by a callback of peft that bench does not run; leave it out",
}
"""Key of a peft configuration -> why it is refused where it is set."""
REFUSED_TYPES = {
    "XLORA": "it mixes adapters that were trained before, and there are none",
    "POLY": "it needs the number of a task beside every row",
    "MULTITASK_PROMPT_TUNING": "it needs the number of a task beside every row",
    "CPT": "its prompt is made of labelled examples, whose tokens peft would have to be given",
    "CARTRIDGE": "its keys and values come from a text of their own, which peft would have to be given",
}
"""peft type -> why it is refused."""
_CONFIG_OF_START = {"eva_config": "eva", "corda_config": "corda", "lora_ga_config": "lora_ga", "loftq_config": "loftq"}
_CACHES = ("cache_file", "covariance_file")


def check_options(peft_type: str, values: dict[str, Any], config_class: type[Any]) -> None:
    """Refuse what cannot be given.

    Args:
        peft_type: in capitals.
        values: the table of the method without its type.
        config_class: peft's class for the type.

    Raises:
        InputError: an option is refused, or would be ignored without a word; the message says why.
    """
    if peft_type in REFUSED_TYPES:
        raise InputError(f"method.config.peft_type = {peft_type!r} cannot be run: {REFUSED_TYPES[peft_type]}")
    for key, why in REFUSED_KEYS.items():
        if values.get(key):
            raise InputError(f"method.config.{key} cannot be run: {why}")
    if "init_lora_weights" in values:
        _check_start(values["init_lora_weights"], peft_type, use_dora=bool(values.get("use_dora")))
    for key, start in _CONFIG_OF_START.items():
        if values.get(key) and values.get("init_lora_weights") != start:
            raise InputError(
                f"method.config.{key} has no effect without init_lora_weights = {start!r}; add that, or drop it"
            )
    _check_parts(values, config_class)


def _check_start(start: Any, peft_type: str, *, use_dora: bool) -> None:
    place = f"method.config.init_lora_weights = {start!r}"
    if start is True:
        return
    if isinstance(start, bool | str) and start in REFUSED_STARTS:
        raise InputError(f"{place} cannot be run: {REFUSED_STARTS[start]}")
    known = isinstance(start, str) and (start in DATA_STARTS + WEIGHT_STARTS or _PISSA_BY_ITERATIONS.fullmatch(start))
    if not known:
        names = [*DATA_STARTS, *WEIGHT_STARTS, "pissa_niter_4"]
        raise InputError(f"{place} is not known{suggest(str(start), names)}")
    if peft_type != "LORA":
        raise InputError(f"{place} cannot be run: peft has it for LORA alone, and would start {peft_type} as ever")


def _check_parts(values: dict[str, Any], config_class: type[Any]) -> None:
    """Check the keys of tables within the table: peft drops those that it does not know."""
    types = typing.get_type_hints(config_class)
    for key, part in values.items():
        known = [fields(one) for one in typing.get_args(types.get(key)) if is_dataclass(one) and isinstance(one, type)]
        if not (isinstance(part, dict) and known):
            continue
        allowed = {field.name for field in known[0] if field.init}
        for name in part:
            if name not in allowed:
                raise InputError(f"method.config.{key}.{name} is not known to peft{suggest(name, allowed)}")
            if name in _CACHES and part[name] is not None:
                raise InputError(
                    f"method.config.{key}.{name}: what another run left in a file is not looked at; leave it out, and "
                    "the start is computed from this run's own rows"
                )
