"""A network sees in use what it saw in training: one way to put its inputs together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.training_helpers import balls
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.models.hyperparameters import NetworkSettings
from mrisr.neural.cascade import Stage, network_inputs
from mrisr.neural.conditioning import Inputs, factor_planes, without_second_estimate
from mrisr.physics.interpolation import interpolate
from mrisr.physics.protocols import PROTOCOLS
from mrisr.training.data.feed import Feed
from mrisr.training.data.patches import Chunk


@pytest.mark.parametrize(("refines", "projections"), [("all", 0), ("all", 3), ("one", 2)])
def test_training_and_use_show_a_network_the_same(refines, projections):
    """A whole volume as the only patch of a chunk, and the same volume on the road."""
    protocol = PROTOCOLS["iso2"]
    grid = Grid((24, 24, 24), np.eye(4))
    measured = protocol.measured_grid(grid, (True, True, True))
    acquisition = protocol.acquisition()
    scan = acquisition.simulate(Volume(balls(2, side=24), np.eye(4)), measured)
    initial, operator = interpolate(scan.array, measured, grid), acquisition.operator(grid, measured)
    inputs = Inputs(projections, refines == "one")
    estimates = torch.from_numpy(inputs.estimates(initial, scan.array, operator))
    chunk = Chunk(
        estimates[None],
        torch.from_numpy(initial)[None, None],
        torch.zeros(1, 3, dtype=torch.long),
        torch.tensor([2.0, 2, 2]),
    )
    learned = Feed([chunk], chunk=1, batch=1, inputs=inputs, workers=0).sample().inputs[0]
    card = SimpleNamespace(
        family="edsr3d", hyperparameters={"refines": refines, "projections": projections, "width": 8}
    )
    tensors = torch.from_numpy(initial), torch.from_numpy(scan.array)
    used = network_inputs(card, Stage(0, tensors[0], [2.0, 2.0, 2.0], None, tensors[1], operator, operator))
    # Training counts in NumPy, use in torch.
    torch.testing.assert_close(learned, torch.cat(used), atol=2e-6, rtol=0)


def test_the_planes_follow_the_order_of_axes():
    inputs = Inputs(phase=True)
    estimates = torch.zeros(1, 5, 6, 7)
    shown = inputs.shown(estimates, (1, 1, 3), order=(2, 0, 1))
    assert shown.shape == (4, 5, 6, 7)
    expected = factor_planes((3, 1, 1), (0, 0, 0), (7, 5, 6), phase=True)
    assert torch.equal(shown[1:].permute(0, 3, 1, 2), expected)


def test_a_network_without_planes_sees_the_estimates_alone():
    estimates = torch.rand(2, 4, 4, 4)
    assert Inputs.of(NetworkSettings(projections=3), planes=0).shown(estimates, (2, 2, 2)) is estimates
    assert Inputs.of(NetworkSettings(refines="one", projections=3)) == Inputs(3, True, True)


def test_the_second_estimate_alone_is_left_out():
    inputs = torch.rand(2, 5, 3, 3, 3)
    assert torch.equal(without_second_estimate(inputs), inputs[:, [0, 2, 3, 4]])
