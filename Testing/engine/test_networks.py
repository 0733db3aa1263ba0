"""Networks: shapes, sizes, what they see, and what they are told."""

import numpy as np
import pytest
import torch

from mrisr.families.edsr3d.network import EDSR3D
from mrisr.families.mdcsrn.network import MDCSRN
from mrisr.models.catalog import list_models, load_model
from mrisr.neural.blocks import block_basis, depth_to_space, space_to_depth
from mrisr.neural.conditioning import factor_planes
from mrisr.neural.networks import build_network
from mrisr.training.critic import Critic
from mrisr.training.losses.feature_network import ANSWERS, FeatureNetwork


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_shuffling_there_and_back_is_the_identity():
    x = torch.randn(2, 3, 8, 6, 4)
    folded = space_to_depth(x, (4, 2, 1))
    assert folded.shape == (2, 24, 2, 3, 4)
    assert torch.equal(depth_to_space(folded, (4, 2, 1)), x)


def test_a_block_becomes_the_channels_of_its_place():
    x = torch.arange(4 * 4 * 4, dtype=torch.float32).reshape(1, 1, 4, 4, 4)
    folded = space_to_depth(x, (2, 2, 2))
    assert torch.equal(folded[0, :, 1, 0, 1], x[0, 0, 2:4, 0:2, 2:4].flatten())


def test_the_basis_of_a_block_holds_its_mean_and_can_be_undone():
    basis = block_basis((4, 2, 2), 4.0)
    block = torch.rand(16)
    assert torch.isclose((basis @ block)[0], block.mean())
    assert torch.allclose(basis[1:] @ torch.ones(16), torch.zeros(15), atol=1e-4)
    orthonormal = block_basis((2, 2, 2), 1.0)
    orthonormal[0] *= 8**0.5
    assert torch.allclose(orthonormal @ orthonormal.T, torch.eye(8), atol=1e-6)
    assert torch.allclose(block_basis((2, 1, 1), 4.0)[1], 4 * torch.tensor([1.0, -1.0]) / 2**0.5)


def test_planes_tell_the_factor_of_each_axis():
    planes = factor_planes((2, 4, 1), (0, 0, 0), (3, 4, 5), phase=False)
    assert planes.shape == (3, 3, 4, 5)
    assert planes[:, 1, 1, 1].tolist() == [1.0, 2.0, 0.0]


def test_phase_planes_know_where_the_measured_slices_lie():
    factor = 3.0
    planes = factor_planes((factor, 1, 1), (0, 0, 0), (9, 1, 1), phase=True)
    # A slice of factor 3 is centred at target voxels 1, 4, 7: there the cosine is 1 and the sine 0.
    cosine, sine = planes[1, :, 0, 0], planes[2, :, 0, 0]
    assert torch.allclose(cosine[1::3], torch.ones(3), atol=1e-6)
    assert torch.allclose(sine[1::3], torch.zeros(3), atol=1e-5)


def test_planes_of_a_patch_are_those_of_the_volume_cut_out():
    whole = factor_planes((2.7, 1, 1), (0, 0, 0), (40, 2, 2), phase=True)
    part = factor_planes((2.7, 1, 1), (12, 0, 0), (8, 2, 2), phase=True)
    assert torch.allclose(whole[:, 12:20], part, atol=1e-5)


@pytest.mark.parametrize("stride", [(1, 1, 1), (2, 2, 2), (4, 2, 2)])
def test_edsr_starts_as_the_initial_estimate(stride):
    network = EDSR3D(width=8, blocks=2, stride=stride)
    x = torch.randn(2, 4, 8, 8, 12)
    answer = network(x)
    assert answer.shape == (2, 1, 8, 8, 12)
    assert torch.equal(answer, x[:, :1])


def test_edsr_with_a_second_estimate_starts_as_the_first():
    network = EDSR3D(width=8, blocks=1, estimates=2)
    x = torch.randn(1, 5, 8, 8, 8)
    assert torch.equal(network(x), x[:, :1])
    torch.nn.init.ones_(network.gate.weight)
    assert not torch.equal(network(x), x[:, :1])


def test_edsr_of_the_reference_size_has_the_parameters_of_its_formula():
    width, blocks, folded = 64, 9, 8 + 3
    conv = lambda a, b: 27 * a * b + b  # noqa: E731
    expected = conv(folded, width) + (2 * blocks + 1) * conv(width, width) + conv(width, 8)
    assert parameters(EDSR3D(64, 9)) == expected == 2_135_368


@pytest.mark.parametrize("network", [EDSR3D(4, 1, planes=0), MDCSRN(1, 2, 2, stride=(2, 2, 2), skip=True)])
def test_the_receptive_field_is_the_halo(network):
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.1, 0.5)
    network.eval()
    side = 2 * network.halo + 6
    side += side % 2
    x = torch.zeros(1, 1, side, 4, 4, requires_grad=True)
    middle = side // 2
    network(x)[0, 0, middle].sum().backward()
    seen = np.flatnonzero(x.grad.abs().sum((0, 1, 3, 4)).numpy() > 0)
    assert middle - seen[0] <= network.halo
    assert seen[-1] - middle <= network.halo
    assert max(middle - seen[0], seen[-1] - middle) >= network.halo - 1


def test_mdcsrn_as_published_has_410_thousand_parameters_and_the_reproductions_names():
    network = MDCSRN()
    assert parameters(network) == 411_648
    names = set(network.state_dict())
    expected = {
        "conv0.weight",
        "block0.denselayer1.norm.running_mean",
        "block3.denselayer4.conv.weight",
        "comp2.weight",
        "recon.weight",
    }
    assert expected <= names
    assert network.recon.weight.shape == (1, 416, 1, 1, 1)
    assert network(torch.randn(1, 1, 6, 6, 6)).shape == (1, 1, 6, 6, 6)


def test_fast_mdcsrn_with_a_skip_starts_as_the_initial_estimate():
    network = MDCSRN(stride=(2, 2, 2), planes=3, skip=True)
    x = torch.randn(1, 4, 8, 8, 8)
    assert torch.equal(network(x), x[:, :1])


def test_the_amplitude_scales_what_is_added_to_the_initial_estimate():
    loud, quiet = (MDCSRN(1, 2, 4, stride=(2, 2, 2), skip=True, amplitude=a).eval() for a in (1.0, 0.2))
    torch.nn.init.normal_(loud.recon.weight)
    quiet.load_state_dict(loud.state_dict())
    x = torch.randn(1, 1, 8, 8, 8)
    assert torch.allclose(quiet(x) - x, 0.2 * (loud(x) - x), atol=1e-5)


def test_the_critic_takes_any_patch_and_gives_a_number_each():
    critic = Critic(width=4)
    assert critic(torch.randn(3, 1, 16, 16, 16)).shape == (3,)
    assert critic(torch.randn(1, 1, 32, 24, 16)).shape == (1,)


def test_the_critic_is_not_linear():
    critic = Critic(width=4)
    x = torch.randn(1, 1, 16, 16, 16)
    assert not torch.isclose(critic(x) + critic(-x), 2 * critic(0 * x), atol=1e-4).all()


def test_features_have_three_levels_and_answers():
    network = FeatureNetwork(4)
    assert [tuple(level.shape) for level in network.levels(torch.randn(1, 1, 16, 16, 16))] == [
        (1, 4, 16, 16, 16),
        (1, 8, 8, 8, 8),
        (1, 16, 4, 4, 4),
    ]
    assert network(torch.randn(2, 1, 16, 16, 16)).shape == (2, ANSWERS)


def test_networks_are_built_by_family_and_refuse_unknown_settings():
    assert isinstance(build_network("edsr3d", {"width": 4, "blocks": 1, "refines": "one"}), EDSR3D)
    with pytest.raises(TypeError):
        build_network("edsr3d", {"depth": 4})


@pytest.mark.parametrize(
    "card", [card for card in list_models() if card.sha256 and card.tile], ids=lambda card: card.name
)
def test_a_tiles_halo_is_the_networks_reach_or_says_why_it_is_less(card):
    network = load_model(card).network
    reach = getattr(network, "halo", None)
    assert card.data["tile"].get("halo_reason") or (reach is not None and card.tile["halo"] >= reach)
