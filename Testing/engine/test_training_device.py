"""Pairs made on a device from the processor's draws: those that the processor makes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training_helpers import balls
from mrisr.neural.conditioning import Inputs
from mrisr.physics.degradation import Degradation
from mrisr.training.data.augmentation import Augmentation
from mrisr.training.data.device import Bytes, Draws, Maker
from mrisr.training.data.draws import Crop
from mrisr.training.data.feed import Feed
from mrisr.training.data.patches import ChunkDataset, PatchSampling
from mrisr.training.data.scans import Scan

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

RANGE = Degradation(
    factor=(2, 3),
    noise=(0.01, 0.03),
    clean=0.3,
    alternatives=(
        Degradation(factor=(2, 2), profile="kspace", share=0.3),
        Degradation(factor=(1, 1), profile="spline", width=(1.5, 2), share=0.2),
    ),
)


def dataset(degradation=RANGE, inputs=None, box=(32, 0, 20)):
    """Scans of several shapes, one of them smaller than a patch."""
    scans = [
        Scan(f"s{n}", np.rint(255 * balls(n, side)[:, :, :depth]).astype(np.uint8), 1.0, (0, 2))
        for n, (side, depth) in enumerate([(40, 40), (43, 37), (34, 14)])
    ]
    cut = PatchSampling(size=(16, 16, 16), chunk=3, multiple=2, box=box)
    inputs = inputs or Inputs(projections=3, profiled=3)
    return ChunkDataset(scans, degradation, cut, Augmentation(bias_share=0.4), seed=3, inputs=inputs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("degradation", "inputs"),
    [(RANGE, None), (Degradation(refines="one", factor=(2, 6), bank=4), Inputs(2, phase=True, profiled=1))],
)
def test_the_same_seed_gives_the_same_batches_on_a_device(device, degradation, inputs):
    data = dataset(degradation, inputs)
    usual = Feed(data, chunk=3, batch=2, inputs=data.inputs, workers=0).batches()
    made = Feed(Draws(data), 3, 2, data.inputs, workers=0, make=Maker(data, device)).batches()
    for _ in range(12):
        expected, found = next(usual), next(made)
        assert found.inputs.device.type == torch.device(device).type
        for name in ("inputs", "target", "answers"):
            torch.testing.assert_close(
                getattr(found, name).cpu(), getattr(expected, name), atol=1e-4, rtol=0, msg=name
            )


@settings(max_examples=60)
@given(data=st.data())
def test_a_part_is_gathered_in_any_order_and_sense_of_axes(data):
    shapes = data.draw(st.lists(st.tuples(*[st.integers(2, 6)] * 3), min_size=1, max_size=3))
    rng = np.random.default_rng(0)
    scans = [Scan("s", rng.integers(0, 256, shape, dtype=np.uint8), 1.0) for shape in shapes]
    which = data.draw(st.integers(0, len(scans) - 1))
    order = tuple(data.draw(st.permutations(range(3))))
    whole = [shapes[which][axis] for axis in order]
    start = tuple(data.draw(st.integers(0, n - 1)) for n in whole)
    shape = tuple(data.draw(st.integers(1, n - a)) for n, a in zip(whole, start, strict=True))
    padded = tuple(n + data.draw(st.integers(0, 2)) for n in shape)
    crop = Crop(which, order, tuple(data.draw(st.booleans()) for _ in range(3)), start, shape, padded)
    found = Bytes(scans, "cpu").part(crop).numpy()
    assert np.array_equal(found, crop.of(scans[which].array))


def test_a_bank_is_drawn_once_and_drawn_from():
    degradation = Degradation(factor=(2, 6), width=(0.5, 1.3), bank=5)
    rng = np.random.default_rng(1)
    drawn = [degradation.draw(rng) for _ in range(200)]
    assert len(set(drawn)) == 5
    assert {drawn.count(each) > 15 for each in set(drawn)} == {True}
