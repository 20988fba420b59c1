"""Every type of the installed peft: refused by name, or started from the base's answers with all that it trains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft.utils import PeftType
from peft_models import logits_of, peft_table, small_model

from bench.core.errors import InputError
from bench.methods.adapters import Peft
from bench.methods.applying import apply_method
from bench.methods.peft_options import REFUSED_TYPES

SIZES: dict[str, dict[str, Any]] = {
    "PROMPT_TUNING": {"num_virtual_tokens": 4},
    "PREFIX_TUNING": {"num_virtual_tokens": 4},
    "P_TUNING": {"num_virtual_tokens": 4},
    "ADAPTION_PROMPT": {"adapter_len": 4, "adapter_layers": 1},
    "TRAINABLE_TOKENS": {"token_indices": [3, 4]},
    "FOURIERFT": {"n_frequency": 8},
    "WAVEFT": {"n_frequency": 8},
    "VBLORA": {"vector_length": 4, "num_vectors": 8, "r": 2, "topk": 1},
    "MISS": {"r": 4},
    "ROAD": {"group_size": 4},
    "SHIRA": {"r": 4},
    "C3A": {"block_size": 4},
    "PSOFT": {"r": 4},
    "FROD": {"sparse_rate": 0.5, "progressbar": False},
}
"""What fits a model 16 wide."""
CAUSAL = {"ADAPTION_PROMPT", "SHADOW"}
PROMPTS = {"PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"}
OTHER_START = {"FOURIERFT", "C3A"}
"""Types that peft starts away from the base unless told otherwise."""


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("peft_type", [kind.value for kind in PeftType])
def test_a_type_starts_from_the_base_and_trains_or_is_refused_by_name(peft_type: str) -> None:
    model = small_model("llama" if peft_type in CAUSAL else "bert")
    before = logits_of(model)
    method = Peft(peft_table(peft_type=peft_type, **SIZES.get(peft_type, {})))
    if peft_type in REFUSED_TYPES:
        with pytest.raises(InputError, match=rf"peft_type = '{peft_type}' cannot be run: {REFUSED_TYPES[peft_type]}"):
            apply_method(model, method, seed=0)
        return
    if peft_type in OTHER_START:
        with pytest.raises(
            InputError, match=r"method\.config changes the model before the first step: .* another start"
        ):
            apply_method(model, method, seed=0)
        return
    applied = apply_method(model, method, seed=0)
    if peft_type not in PROMPTS:
        torch.testing.assert_close(logits_of(applied), before, rtol=5e-3, atol=5e-3 * float(before.abs().max()))
    torch.manual_seed(0)
    applied.train()
    ids = torch.arange(21).view(3, 7) + 3
    applied(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.square().sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in applied.parameters() if p.requires_grad)


def test_what_cannot_be_run_is_an_error_of_the_table() -> None:
    method = Peft(peft_table(peft_type="TRAINABLE_TOKENS", token_indices=[], target_modules=["query"]))
    with pytest.raises(InputError, match=r"method\.config: (the model cannot be run with it|peft cannot do it here)"):
        apply_method(small_model("bert"), method, seed=0)
