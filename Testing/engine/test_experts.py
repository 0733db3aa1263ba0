"""Networks that consist of several, each for its own range of lost resolution."""

import pytest
import torch
from torch import nn

from engine.training_helpers import options, silent, table, write_scans
from mrisr.errors import ConfigError
from mrisr.models.card import Card
from mrisr.models.catalog import load_weights
from mrisr.models.discovery import build
from mrisr.neural.experts import Experts
from mrisr.neural.networks import build_network
from mrisr.training import checkpoint
from mrisr.training.config import Config
from mrisr.training.export import export_run
from mrisr.training.run import train

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"width": 4, "blocks": 1, "stride": [2, 2, 2]}


class Times(nn.Module):
    """The first channel times a number that can be learned."""

    halo = 3

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(factor)))

    def forward(self, x):
        return self.factor * x[:, :1]


def told(*lost):
    """Volumes of ones that have lost so much along the first axis, which channel 1 tells."""
    volumes = torch.ones(len(lost), 2, 2, 2, 2)
    volumes[:, 1] = torch.tensor(lost).log2()[:, None, None, None]
    return volumes


def test_each_volume_goes_to_the_network_for_what_it_has_lost():
    network = Experts([Times(1), Times(10), Times(100)], [2.0, 4.0], plane=1)
    answer = network(told(1.0, 5.0, 1.9, 3.0, 2.1, 4.1, 2.0))
    assert answer[:, 0, 0, 0, 0].tolist() == [1, 100, 1, 10, 10, 100, 1]
    assert torch.equal(network(told(3.0, 3.5)), 10 * torch.ones(2, 1, 2, 2, 2))
    assert network.halo == 3


def test_only_the_network_that_served_learns():
    network = Experts([Times(1), Times(1)], [2.0], plane=1)
    network(told(3.0, 4.0)).sum().backward()
    first, second = (expert.factor.grad for expert in network.experts)
    assert first is None
    assert float(second) == 16


def test_the_registry_makes_as_many_networks_as_there_are_ranges():
    network = build_network("edsr3d", {**SMALL, "estimates": 2, "experts": [2.5], "refines": "two"})
    assert isinstance(network, Experts)
    assert len(network.experts) == 2
    assert network.plane == 2
    assert not isinstance(build_network("edsr3d", {**SMALL, "experts": []}), Experts)


@pytest.mark.parametrize("experts", [2.5, [3.0, 2.0], ["much"], [0]])
def test_bounds_that_make_no_sense_are_refused(experts):
    with pytest.raises(ConfigError, match=r"network\.experts must be a list of rising numbers"):
        Config.of(table(network={"experts": experts}))


def test_a_list_of_starts_has_one_for_each_network():
    assert Config.of(table(network={"experts": [2.5]}, start=["a", "b"])).start == ("a", "b")
    with pytest.raises(ConfigError, match="one entry for each of the 2 networks; got 3"):
        Config.of(table(network={"experts": [2.5]}, start=["a", "b", "c"]))


def test_networks_trained_apart_serve_together(tmp_path):
    """Two runs; a third that joins them; the exported model answers as the one of the two that is meant."""
    write_scans(tmp_path, count=1)
    same_matrix = {"refines": "two", "factor": [1, 1], "profile": "none"}
    network = {**SMALL, "refines": "two"}
    runs = [
        train(
            table(
                network=network,
                seed=seed,
                degradation={**same_matrix, "kspace": [kept, kept]},
                optimizer={"steps": 2},
            ),
            options(tmp_path, work=tmp_path / f"run{seed}"),
            silent(),
        )
        for seed, kept in ((1, 0.6), (2, 0.3))
    ]
    joined = table(
        network={**network, "experts": [2.5]},
        start=[str(run) for run in runs],
        degradation={**same_matrix, "kspace": [0.3, 0.6]},
        optimizer={"steps": 1, "rate": 1e-12, "weight_decay": 0.0},
    )
    run = train(joined, options(tmp_path, work=tmp_path / "joined"), silent())
    apart = [checkpoint.starting_weights(str(each)) for each in runs]
    card = Card.read(export_run(run, "joined", tmp_path / "models" / "joined"))
    together = build(card, load_weights(card)).network
    x = torch.rand(1, 4, 8, 8, 8)
    for kept, weights in zip((0.6, 0.3), apart, strict=True):
        x[:, 1:] = torch.tensor([1 / kept, 1 / kept, 1.0]).log2()[:, None, None, None]
        alone = build_network("edsr3d", network)
        alone.load_state_dict(weights)
        with torch.no_grad():
            assert torch.allclose(together(x), alone(x), atol=1e-3)
            assert not torch.equal(together(x), x[:, :1])


def test_one_start_serves_all_and_joined_weights_are_taken_as_they_are(tmp_path):
    write_scans(tmp_path, count=1)
    alone = train(table(network=SMALL, optimizer={"steps": 1}), options(tmp_path), silent())
    weights = checkpoint.starting_weights(str(alone), experts=3)
    assert len(weights) == 3 * len(checkpoint.starting_weights(str(alone)))
    assert torch.equal(weights["experts.0.head.weight"], weights["experts.2.head.weight"])
    several = train(
        table(network={**SMALL, "experts": [1.5]}, start=str(alone), optimizer={"steps": 1}),
        options(tmp_path, work=tmp_path / "several"),
        silent(),
    )
    again = checkpoint.starting_weights(str(several), experts=2)
    build_network("edsr3d", {**SMALL, "experts": [1.5]}).load_state_dict(again)
