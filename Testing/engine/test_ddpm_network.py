"""The U-Net: its parts against plain references, and that a voxel's answer does not depend on the tile."""

import tomllib
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from mrisr.families.ddpm.network import ResidualDiffusion
from mrisr.families.ddpm.training import with_mean
from mrisr.families.ddpm.unet import Attention, UNet, VoxelNorm, doubled, halved
from mrisr.neural.networks import build_network

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MEAN = {"family": "edsr3d", "width": 4, "blocks": 1}


def stirred(network, seed=0, size=0.1):
    torch.manual_seed(seed)
    for parameter in network.parameters():
        parameter.data = parameter.data + size * torch.randn_like(parameter)
    return network.eval()


def test_the_norm_is_group_norm_of_each_voxel_alone():
    norm = stirred(VoxelNorm(6))
    x = torch.randn(2, 6, 3, 2, 2)
    single = functional.group_norm(x[:, :, 1:2, 1:2, :1], 1, norm.norm.weight, norm.norm.bias)
    assert torch.allclose(norm(x)[:, :, 1:2, 1:2, :1], single, atol=1e-5)


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2), (1,)])
def test_up_is_down_transposed_and_both_keep_the_mean(axes):
    coarse = [4 if axis in axes else 8 for axis in range(3)]
    x, y = torch.randn(1, 2, 8, 8, 8, dtype=torch.float64), torch.randn(1, 2, *coarse, dtype=torch.float64)
    assert float((halved(x, axes) * y).sum() * 2 ** len(axes)) == pytest.approx(
        float((x * doubled(y, axes)).sum())
    )
    assert torch.allclose(halved(torch.ones_like(x), axes), torch.ones_like(y))
    finest = (
        torch.cos(torch.pi * torch.arange(8, dtype=torch.float64))
        .reshape(1, 1, 8, 1, 1)
        .expand(1, 1, 8, 8, 8)
    )
    if 0 in axes:  # the finest wave would be a constant without the filter
        assert halved(finest, (0,))[:, :, 1:-1].abs().max() < 1e-9


def test_doubling_is_linear_interpolation():
    x = torch.randn(1, 3, 4, 5, 6)
    assert torch.allclose(
        doubled(x, (0, 1, 2)), functional.interpolate(x, scale_factor=2, mode="trilinear"), atol=1e-6
    )


def test_attention_within_reach_is_attention_to_all():
    layer = stirred(Attention(8, 2, (0, 1, 2)))
    layer.nearness.data.zero_()
    x = torch.randn(2, 8, 3, 2, 3)
    query, key, value = (
        part.flatten(2).mT.unflatten(-1, (2, 4)).transpose(1, 2)
        for part in layer.ask(layer.norm(x)).chunk(3, dim=1)
    )
    whole = (
        functional.scaled_dot_product_attention(query, key, value)
        .transpose(1, 2)
        .flatten(2)
        .mT.reshape(x.shape)
    )
    assert torch.allclose(layer(x), x + layer.answer(whole), atol=1e-5)


def test_attention_does_not_look_farther():
    layer = stirred(Attention(8, 2, (0, 1)))
    x = torch.randn(1, 8, 9, 4, 4)
    changed = x.clone()
    changed[:, :, 8, :, 0] += torch.randn(8, 1)
    moved = (layer(changed) - layer(x)).abs().amax((0, 1))
    assert moved[:6].max() == 0
    assert moved[..., 1:].max() == 0
    assert moved[6, :, 0].min() > 0


def test_far_from_the_border_the_answer_is_the_same_in_any_tile():
    network = stirred(UNet(3, 2, (8, 8), blocks=1, heads=2), size=0.05)
    x, numbers = torch.randn(1, 3, 48, 16, 16), torch.tensor([[0.3, 0.0]])
    with torch.inference_mode():
        whole, part = network(x, numbers), network(x[:, :, :40], numbers)
    assert torch.allclose(whole[:, :, :16], part[:, :, :16], atol=1e-5)
    assert not torch.allclose(whole[:, :, 36:40], part[:, :, 36:40], atol=1e-3)


def test_what_it_is_told_matters_and_untrained_it_says_nothing():
    network = UNet(3, 2, (8, 8), heads=2)
    x = torch.randn(2, 3, 8, 8, 8)
    assert network(x, torch.rand(2, 2)).abs().max() == 0
    stirred(network)
    first, second = (
        network(x, torch.tensor([[0.1, 0.0], [0.1, 0.0]])),
        network(x, torch.tensor([[0.1, 0.0], [0.7, 0.0]])),
    )
    assert torch.allclose(first[0], second[0], atol=1e-6)
    assert not torch.allclose(first[1], second[1], atol=1e-2)


def test_planar_networks_see_planes_and_are_averaged():
    network = stirred(ResidualDiffusion(MEAN, (8, 8), heads=2, views="triplanar"))
    state, condition, numbers = torch.randn(1, 1, 16, 16, 16), torch.randn(1, 5, 16, 16, 16), torch.rand(1, 2)
    parts = []
    for number in range(3):
        alone = ResidualDiffusion(MEAN, (8, 8), heads=2, views="triplanar")
        alone.load_state_dict(network.state_dict())
        alone.views = torch.nn.ModuleList([network.views[number]])
        parts.append(alone(state, condition, numbers))
        changed = state.clone()
        changed[:, :, 8:10] += torch.randn(2, 16, 16)
        moved = (alone(changed, condition, numbers) - parts[-1]).abs().amax((0, 1, 3, 4))
        if number == 2:  # works along j and k: other slabs along i do not notice
            assert moved[:8].max() == 0
            assert moved[10:].max() == 0
            assert moved[8:10].min() > 0
    assert torch.allclose(network(state, condition, numbers), sum(parts) / 3, atol=1e-5)


def test_the_mean_is_frozen_and_the_condition_in_units_of_the_scale():
    network = ResidualDiffusion(MEAN, (8, 8), heads=0, scale=0.05)
    assert not any(parameter.requires_grad for parameter in network.mean.parameters())
    inputs = torch.rand(1, 4, 8, 8, 8)
    condition = network.condition(inputs, inputs[:, :1] + 0.05)
    assert condition.shape == (1, 5, 8, 8, 8)
    assert torch.allclose(condition[:, 1], torch.ones(1, 8, 8, 8), atol=1e-4)
    assert torch.equal(condition[:, 2:], inputs[:, 1:])


@pytest.mark.parametrize("name", ["ddpm-iso2", "ddpm-iso2-triplanar"])
def test_the_recipes_networks_are_small(name):
    table = with_mean(tomllib.loads((CONFIGS / f"{name}.toml").read_text(encoding="utf-8")))
    network = build_network("ddpm", table["network"])
    assert sum(p.numel() for p in network.views.parameters()) < 2.5e6
    assert 2 * sum(p.numel() for p in network.parameters()) < 8e6  # bytes in half precision
