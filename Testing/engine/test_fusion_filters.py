"""Filters taught on fused volumes: what they are made of, what they leave alone, and that they bring the result nearer to the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.conftest import DATA
from mrisr import Volume
from mrisr.families.fused_filters.filters import Filters, mixture
from mrisr.fusion.fuse_scans import fuse
from mrisr.fusion.settings import NO_MODEL, FusionSettings
from mrisr.fusion.suitability import Scan
from mrisr.image.files import read_volume
from mrisr.image.metrics import score
from mrisr.physics.protocols import prepare_reference
from mrisr.physics.stacks import STACKS

TOLD = FusionSettings(acquisition="thick4", register="none", device="cpu")


@pytest.fixture(scope="module")
def filters() -> Filters:
    return Filters.read()


@given(st.floats(0, 0.2, allow_nan=False))
def test_a_noise_lies_between_the_two_levels_that_are_mixed(noise):
    levels = (0.0, 0.01, 0.02, 0.035)
    shares = mixture(noise, levels)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert np.dot(shares, levels) == pytest.approx(min(noise, levels[-1]), abs=1e-5)
    assert sum(share > 0 for share in shares) <= 2


def test_the_packaged_ones_know_noises_from_none_to_that_of_a_poor_scan(filters):
    assert list(filters.levels) == sorted(filters.levels)
    assert filters.levels[0] < 0.008 < 0.03 < filters.levels[-1]
    assert all(torch.isfinite(bank.filters).all() for bank in filters.banks)


def test_air_and_flat_tissue_stay_as_they_are(filters):
    volume = torch.zeros(24, 24, 24)
    volume[:, :, 12:] = 0.6
    sharper = filters.apply(volume, 0.01)
    assert torch.equal(sharper[:, :, :8], volume[:, :, :8])
    assert (sharper - volume)[:, :, 17:].abs().max() < 1e-6
    assert (sharper - volume).abs().max() < 0.1


@pytest.mark.parametrize("turn", [(1, 0, 2), (2, 1, 0)])
def test_no_axis_is_special(filters, turn):
    """The patterns of one direction are those of the next, turned; the bins of directions are not, so that a few voxels differ."""
    volume = torch.from_numpy(np.random.default_rng(1).random((20, 20, 20), dtype=np.float32)) + 1
    smooth = torch.nn.functional.avg_pool3d(volume[None], 5, 1, 2, count_include_pad=False)[0]
    one, other = filters.apply(smooth, 0.02), filters.apply(smooth.permute(turn).contiguous(), 0.02)
    apart = (one.permute(turn) - other)[4:-4, 4:-4, 4:-4].abs()
    assert apart.median() < 0.2 * (one - smooth)[4:-4, 4:-4, 4:-4].abs().median()


def test_a_file_says_again_what_was_written(filters, tmp_path):
    filters.write(tmp_path / "again.safetensors", {"license": "MIT"})
    again = Filters.read(tmp_path / "again.safetensors")
    assert again.levels == filters.levels
    for one, other in zip(filters.banks, again.banks, strict=True):
        apart = (one.filters - other.filters).abs().amax(1)
        assert (apart <= 0.01 * one.filters.abs().amax(1) + 1e-7).all()


@pytest.mark.skipif(not (DATA / "val").is_dir(), reason="the scans of ../shared/data are not at hand")
@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.2), (0.02, 0.25)])
def test_a_head_fused_with_them_is_nearer_to_the_truth(noise, least):
    scan = read_volume(next((DATA / "val").glob("uih_t1_s1.nii*")))
    middle = tuple(slice(n // 2 - 24, n // 2 + 24) for n in scan.shape)
    truth = prepare_reference(Volume(np.ascontiguousarray(scan.array[middle]), scan.affine))
    stacks = STACKS["stacks3-thick4"].simulate(truth, noise=noise, seed=1)
    scans = [Scan(str(number), stack.volume) for number, stack in enumerate(stacks)]
    inner = (slice(6, -6),) * 3

    def quality(settings: FusionSettings) -> float:
        array = fuse(scans, settings).volume.array[tuple(slice(0, n) for n in truth.shape)]
        return score(truth.array[inner], np.clip(array[inner], 0, 1)).psnr_mask

    assert quality(TOLD) > quality(replace(TOLD, model=NO_MODEL)) + least
