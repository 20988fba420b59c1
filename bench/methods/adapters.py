"""Methods of the peft library, from a table in the suite file."""

from __future__ import annotations

import warnings
from typing import Any

from bench.config import PeftMethod, SuiteConfig, Task
from bench.errors import InputError, suggest
from bench.methods.base import Method
from bench.methods.freezing import head_of
from bench.models import untie_output_layer


class Peft(Method):
    """Attach the adapter that a peft configuration describes, and unfreeze the modules that train beside it.

    Modules of `also_train` are unfrozen in place rather than copied (peft's `modules_to_save`), so that parameters
    count as in the papers: base plus adapter.
    """

    def __init__(self, table: PeftMethod) -> None:
        self._table = table
        self.shares_base = not table.also_train

    def apply(self, model: Any, config: SuiteConfig | None, task: Task | None) -> Any:
        """Return peft's model around the base.

        Raises:
            InputError: peft does not know the type or a key, or finds none of its target modules; a module of
                `also_train` is not there.
        """
        from peft import get_peft_model

        chosen = _config(self._table)
        beside = {name: model.get_submodule(name) for name in self._table.also_train if _has(model, name)}
        if any(module is model.get_output_embeddings() for module in beside.values()):
            untie_output_layer(model)
        trained = [*beside.values(), *(head_of(model) if self._table.head else [])]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                adapted = get_peft_model(model, chosen)
        except (ValueError, TypeError) as error:
            raise InputError(f"method.config: peft refuses it: {error}") from None
        for module in trained:
            module.requires_grad_(True)
        return adapted


def _config(table: PeftMethod) -> Any:
    """Return peft's own configuration."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    from peft.utils import PeftType

    values = dict(table.config)
    wanted = str(values.pop("peft_type")).upper()
    kinds = {kind.value: config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    if wanted not in kinds:
        raise InputError(f"method.config.peft_type = {wanted!r} is not known to peft{suggest(wanted, kinds)}")
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(wanted)]
    allowed = set(config_class.__dataclass_fields__)
    for key in values:
        if key not in allowed:
            raise InputError(f"method.config.{key} is not a key of {config_class.__name__}{suggest(key, allowed)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return config_class(**values)
    except (ValueError, TypeError) as error:
        raise InputError(f"method.config: peft refuses it: {error}") from None


def _has(model: Any, name: str) -> bool:
    names = [module for module, _ in model.named_modules() if module]
    if name not in names:
        tops = [module for module, _ in model.named_children()]
        raise InputError(f"method.also_train: {name!r} is no module of the model{suggest(name, tops)}")
    return True
