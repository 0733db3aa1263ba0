"""Weights in 8 bits: small, near to what they stand for, and never taken for something else."""

import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from mrisr.errors import CatalogError
from mrisr.models.card import PACKAGED, Card
from mrisr.models.catalog import find, load_weights, write_model
from mrisr.models.storage import LEAST, packed, unpacked


@given(seed=st.integers(0, 2**16), spread=st.floats(1e-6, 1e4), heavy=st.booleans())
def test_each_row_is_near_to_itself_however_large_the_others_are(seed, spread, heavy):
    """Against rounding with one scale a row: never farther; of normal numbers within 2 %."""
    random = np.random.default_rng(seed)
    rows = random.standard_t(3, (16, 300)) if heavy else random.standard_normal((16, 300))
    weights = torch.from_numpy((rows * spread ** random.uniform(0, 1, (16, 1))).astype(np.float32))
    restored = unpacked(packed({"w": weights}, least=0))["w"]
    step = weights.abs().amax(1, keepdim=True) / 127
    plain = (weights / step).round() * step
    assert ((restored - weights) ** 2).sum(1).le(((plain - weights) ** 2).sum(1) * (1 + 1e-5)).all()
    assert heavy or (restored - weights).norm() <= 0.02 * weights.norm()


def test_a_quarter_of_single_precision_and_small_tensors_as_they_are():
    weights = {
        "conv": torch.randn(64, 64, 3, 3, 3),
        "bias": torch.randn(2 * LEAST),
        "few": torch.randn(8, 8).half(),
    }
    stored = packed(weights)
    assert len(save(stored)) - stored["bias"].nbytes < 0.27 * weights["conv"].nbytes
    assert torch.equal(stored["bias"], weights["bias"])
    assert torch.equal(unpacked(stored)["few"], weights["few"])
    assert unpacked(stored).keys() == weights.keys()


def test_a_row_of_zeros_stays_one():
    weights = torch.randn(2, LEAST)
    weights[0] = 0
    assert not unpacked(packed({"w": weights}))["w"][0].any()


@pytest.mark.parametrize("scale", [None, torch.ones(3), torch.ones(())])
def test_integers_without_their_scales_are_refused(tmp_path, scale):
    stored = {"w": torch.ones(2, LEAST, dtype=torch.int8)} | ({} if scale is None else {"w.scale": scale})
    with pytest.raises(ValueError, match="no scale"):
        unpacked(stored)
    content = save(stored)
    data = dict(json.loads((PACKAGED / "edsr3d-iso2" / "card.json").read_text(encoding="utf-8")), name="mine")
    data["weights"] = {"sha256": hashlib.sha256(content).hexdigest()}
    write_model(tmp_path / "mine", content, data)
    with pytest.raises(CatalogError, match=r"damaged .*no scale"):
        load_weights(Card.read(tmp_path / "mine"))


def test_files_in_half_precision_are_read_as_they_are(tmp_path):
    weights = {"w": torch.randn(80, 60).half(), "w.scale": torch.ones(80)}
    content = save(weights)
    data = dict(
        find("edsr3d-iso2").data, name="mine", weights={"sha256": hashlib.sha256(content).hexdigest()}
    )
    write_model(tmp_path / "mine", content, data)
    read = load_weights(Card.read(tmp_path / "mine"))
    assert read.keys() == weights.keys()
    assert torch.equal(read["w"], weights["w"])
    assert read["w"].dtype is torch.float16
