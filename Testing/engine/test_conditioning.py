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
from mrisr.neural.conditioning import (
    FACTS,
    UNKNOWN,
    Inputs,
    factor_planes,
    profile_table,
    without_second_estimate,
)
from mrisr.neural.networks import begin_with, build_network
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.degradation import Degradation
from mrisr.physics.interpolation import interpolate
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.planning import plan
from mrisr.training.data.feed import Feed
from mrisr.training.data.patches import Chunk
from mrisr.training.data.telling import as_told


@pytest.mark.parametrize(
    ("refines", "projections", "told"),
    [("all", 0, False), ("all", 3, True), ("one", 2, False), ("one", 2, True)],
)
def test_training_and_use_show_a_network_the_same(refines, projections, told):
    """A whole volume as the only patch of a chunk, and the same volume on the road."""
    protocol = PROTOCOLS["iso2"]
    grid = Grid((24, 24, 24), np.eye(4))
    measured = protocol.measured_grid(grid, (True, True, True))
    acquisition = protocol.acquisition()
    scan = acquisition.simulate(Volume(balls(2, side=24), np.eye(4)), measured)
    initial, operator = interpolate(scan.array, measured, grid), acquisition.operator(grid, measured)
    inputs = Inputs.of(NetworkSettings(refines=refines, projections=projections, told=told))
    profiles = profile_table(acquisition, (True, True, False))
    estimates = torch.from_numpy(inputs.estimates(initial, scan.array, operator))
    chunk = Chunk(
        estimates[None],
        torch.from_numpy(initial)[None, None],
        torch.zeros(1, 3, dtype=torch.long),
        torch.tensor([2.0, 2, 2]),
        profiles=profiles,
    )
    learned = Feed([chunk], chunk=1, batch=1, inputs=inputs, workers=0).sample().inputs[0]
    hyperparameters = {"refines": refines, "projections": projections, "width": 8, "told": told}
    card = SimpleNamespace(family="edsr3d", hyperparameters=hyperparameters)
    tensors = torch.from_numpy(initial), torch.from_numpy(scan.array)
    stage = Stage(0, tensors[0], [2.0, 2.0, 2.0], None, tensors[1], operator, operator, profiles=profiles)
    used = network_inputs(card, stage)
    assert len(learned) == 4 + (projections > 0) + FACTS * told * (1 if refines == "one" else 3)
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


def test_what_is_told_follows_the_order_of_axes():
    acquisition = Acquisition(("gaussian", "rectangle", "kspace"), (1.0, 0.5, 2.0))
    profiles = profile_table(acquisition, (True, True, True))
    assert profiles == ((1, 0, 0, 0), (1, -1, 1, 0), (1, 1, 0, 1))
    shown = Inputs(phase=True, profiled=1).shown(
        torch.zeros(1, 5, 6, 7), (1, 1, 3), order=(2, 0, 1), profiles=profiles
    )
    assert shown.shape == (8, 5, 6, 7)
    assert torch.equal(shown[4:], torch.tensor([1.0, 1, 0, 1])[:, None, None, None].expand(4, 5, 6, 7))


def test_only_what_is_known_is_told():
    acquisition = Acquisition(("gaussian", "spline", "none"), (1.3, 1.875, 1.0))
    assert profile_table(acquisition, (True, True, True))[1:] == UNKNOWN[1:]
    assert profile_table(acquisition, (False, False, False)) == UNKNOWN


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        (None, (False, False, False)),
        ("thick4-rect", (False, True, False)),
        ("slices:2.8", (False, True, False)),
    ],
)
def test_what_is_stated_is_known(stated, known):
    """Nothing is known of axes that a statement leaves as they usually are."""
    scan = Grid((40, 10, 40), np.diag([1.0, 4, 1, 1]))
    assert plan(scan, None, stated).known == known


def test_weights_that_were_told_nothing_answer_alike_in_a_network_that_is():
    plain = {"width": 8, "blocks": 1, "estimates": 2, "projections": 1}
    before, after = build_network("edsr3d", plain), build_network("edsr3d", {**plain, "told": True})
    for weight in before.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    begin_with(after, before.state_dict())
    x = torch.rand(1, 5 + 3 * FACTS, 8, 8, 8)
    with torch.no_grad():
        assert torch.equal(after(x), before(x[:, :5]))
        after.told.weight.fill_(0.1)
        assert not torch.equal(after(x), before(x[:, :5]))
    with pytest.raises(RuntimeError, match="Missing"):
        begin_with(after, {"head.weight": before.head.weight})


@pytest.mark.parametrize(("refines", "least"), [("one", 0.8), ("all", 0.55)])
def test_half_of_the_draws_are_told_and_the_others_shown_what_one_would_take_them_for(refines, least):
    """As the road: all are shown Gaussians; those of scans that nothing is told of follow the truth with an error, or are what is usual."""
    degradation = Degradation(refines=refines, profile="rectangle", width=(0.5, 1.0))
    rng = np.random.default_rng(0)
    told, usual, widths = 0, 0, []
    for _ in range(400):
        acquisition, _factor = degradation.draw(rng)
        shown, profiles = as_told(acquisition, degradation, rng)
        assert shown.profile[0] == "gaussian"
        assert shown.width[0] >= least
        if profiles != UNKNOWN:
            assert profiles == profile_table(acquisition, (True, True, True))
            told += 1
        elif shown.width[0] == least:
            usual += 1
        else:
            widths.append(shown.width[0])
    assert 150 < told < 250
    assert 50 < usual < 250
    assert len(set(widths)) == len(widths) > 0
