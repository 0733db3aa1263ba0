"""Structure, angles, buckets and taps of the gradient filters."""

import itertools
import math

import pytest
import torch

from mrisr.families.gradient_filters.buckets import (
    BucketSettings,
    angle_bins,
    phase_bins,
    quantile_edges,
    sample_positions,
)
from mrisr.families.gradient_filters.features import (
    Features,
    FeatureSettings,
    describe,
    pad,
    structure_tensor,
)
from mrisr.families.gradient_filters.taps import PatchReader, Taps
from mrisr.families.gradient_filters.teaching import learn_edges

SETTINGS = FeatureSettings()


def plane_wave(direction, size=25, wavelength=7.0):
    axes = torch.meshgrid(*[torch.arange(size, dtype=torch.float64)] * 3, indexing="ij")
    phase = sum(d * x for d, x in zip(direction, axes, strict=True))
    return (0.5 + 0.4 * torch.sin(2 * math.pi / wavelength * phase)).float()


def middle_features(volume, settings=SETTINGS):
    tensor = structure_tensor(pad(volume, settings.halo), settings)
    i, j, k = (n // 2 for n in volume.shape)
    return describe(tensor[:, i, j, k][:, None], settings)


def center_of_bin(place, angles=(8, 8)):
    theta = (place // angles[1] + 0.5) * math.pi / angles[0]
    phi = (place % angles[1] + 0.5) * math.pi / angles[1]
    return (math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta))


@pytest.mark.parametrize("place", range(64))
def test_a_plane_wave_falls_into_the_bin_of_its_direction(place):
    features = middle_features(plane_wave(center_of_bin(place)))
    assert angle_bins(features.direction, (8, 8)).item() == place


def test_a_plane_wave_is_coherent_and_noise_is_not():
    torch.manual_seed(0)
    wave, noise = middle_features(plane_wave((0.0, 0.6, 0.8))), middle_features(torch.rand(25, 25, 25))
    assert wave.coherence.item() > 0.95 > 0.3 > noise.coherence.item()


@pytest.mark.parametrize(("strength", "coherence"), itertools.product(("trace", "lambda1"), ("ratio", "fa")))
def test_strength_scales_as_the_intensity_and_coherence_does_not_change(strength, coherence):
    settings = FeatureSettings(strength=strength, coherence=coherence)
    torch.manual_seed(1)
    volume = torch.rand(15, 15, 15)
    once, thrice = middle_features(volume, settings), middle_features(3 * volume, settings)
    assert thrice.strength.item() == pytest.approx(3 * once.strength.item(), rel=1e-5)
    assert thrice.coherence.item() == pytest.approx(once.coherence.item(), abs=1e-5)


def test_angle_bins_do_not_tell_a_direction_from_its_opposite():
    torch.manual_seed(2)
    directions = torch.nn.functional.normalize(torch.randn(3, 20_000), dim=0)
    axes = torch.eye(3)
    for vectors in (directions, axes):
        assert torch.equal(angle_bins(vectors, (8, 8)), angle_bins(-vectors, (8, 8)))


def test_eigen_decomposition_agrees_with_lapack():
    torch.manual_seed(3)
    tensor = structure_tensor(torch.rand(20, 20, 20), SETTINGS).reshape(6, -1)
    xx, yy, zz, xy, xz, yz = tensor.double()
    matrices = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], dim=-1).reshape(-1, 3, 3)
    values, vectors = torch.linalg.eigh(matrices)
    features = describe(tensor, SETTINGS)
    roots = values.clamp_min(0).sqrt()
    coherence = (roots[:, 2] - roots[:, 1] - roots[:, 0]) / roots.sum(1)
    assert torch.allclose(features.strength.double(), values.sum(1).sqrt(), rtol=1e-6)
    assert torch.allclose(features.coherence.double(), coherence, atol=1e-5)
    assert (vectors[:, :, 2].T * features.direction).sum(0).abs().min() > 1 - 1e-5


def test_a_flat_volume_has_a_direction_no_strength_and_no_coherence():
    features = middle_features(torch.full((15, 15, 15), 0.7))
    assert features.strength.item() < 1e-9
    assert features.direction.norm().item() == pytest.approx(1)
    assert torch.isfinite(features.coherence).all()


def test_separable_smoothing_is_the_dense_weighted_sum():
    torch.manual_seed(4)
    volume = torch.rand(11, 11, 11, dtype=torch.float64)
    got = structure_tensor(volume, SETTINGS)[:, 0, 0, 0]
    gradients = torch.stack(torch.gradient(volume))[:, 1:-1, 1:-1, 1:-1].reshape(3, -1)
    line = torch.exp(-0.5 * (torch.arange(-4, 5, dtype=torch.float64) / 2) ** 2)
    weights = (line[:, None, None] * line[:, None] * line).reshape(-1)
    dense = gradients @ torch.diag(weights / weights.sum()) @ gradients.T
    expected = [dense[a, b] for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    assert torch.allclose(got, torch.stack(expected), rtol=1e-5, atol=1e-9)


def test_learned_edges_put_equally_many_voxels_into_every_level():
    torch.manual_seed(5)
    strength = torch.rand(30_000)
    features = Features(torch.randn(3, 30_000), strength, strength**2 + 0.3 * torch.rand(30_000))
    stage = type("Stage", (), {"buckets": BucketSettings(strength=3, coherence=3), "features": SETTINGS})
    counts = torch.bincount(learn_edges([features], stage).levels(features), minlength=9)
    assert counts.min() > 0.95 * 30_000 / 9


def test_quantile_edges_of_one_bin_are_empty():
    assert quantile_edges(torch.rand(10), 1).numel() == 0


def test_the_issue_asks_for_576_buckets():
    assert BucketSettings().count == 576
    assert BucketSettings(phases=(1, 1, 4)).count == 4 * 576


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 6])
def test_phases_run_through_every_measured_voxel(factor):
    assert phase_bins(sample_positions(3 * factor, float(factor)), factor).tolist() == list(range(factor)) * 3


def test_zoomed_scans_have_their_outermost_samples_in_place():
    positions = sample_positions(101, 1.0, zoom=2.0)
    assert positions[0] == 0
    assert positions[-1].item() == pytest.approx(49)
    assert phase_bins(positions, 3)[0] == 1
    assert phase_bins(positions, 1).tolist() == [0] * 101


def test_patches_hold_the_neighbors_minus_the_center():
    torch.manual_seed(6)
    volume, taps = torch.rand(12, 11, 13), Taps((3, 5, 3), (1, 1, 2))
    reader = PatchReader(volume, taps)
    differences, centers = reader.differences(reader.offsets(torch.tensor([[5, 4, 6]])))
    expected = volume[4:7, 2:7, 4:9:2] - volume[5, 4, 6]
    assert torch.equal(differences[0].reshape(3, 5, 3), expected)
    assert centers.item() == volume[5, 4, 6]
    assert differences[0, taps.center] == 0


def test_patches_beyond_the_border_repeat_it():
    volume = torch.rand(4, 4, 4)
    reader = PatchReader(volume, Taps((3, 3, 3)))
    differences, centers = reader.differences(reader.offsets(torch.tensor([[0, 0, 0]])))
    assert differences[0, 0] == 0
    assert centers.item() == volume[0, 0, 0]
