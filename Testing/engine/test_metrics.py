import numpy as np
import pytest
import torch
from monai.metrics import PSNRMetric
from monai.metrics.regression import compute_ssim_and_cs
from skimage.metrics import structural_similarity

from engine.conftest import phantom
from mrisr.errors import InputError
from mrisr.metrics import HEAD, score, ssim_map
from mrisr.protocols import PROTOCOLS, prepare_reference


@pytest.fixture(scope="module")
def pair():
    reference = prepare_reference(phantom((26, 24, 22)))
    return reference.array, PROTOCOLS["blur"].simulate(reference).array


def test_psnr_is_its_definition_and_monais(pair):
    reference, estimate = pair
    scores, mask = score(reference, estimate), reference > HEAD
    error = (reference.astype(np.float64) - estimate) ** 2
    assert scores.psnr == pytest.approx(-10 * np.log10(error.mean()), abs=1e-5)
    assert scores.psnr_mask == pytest.approx(-10 * np.log10(error[mask].mean()), abs=1e-5)
    theirs = PSNRMetric(max_val=1)(torch.from_numpy(estimate)[None, None], torch.from_numpy(reference)[None, None])
    assert scores.psnr == pytest.approx(float(theirs), abs=1e-4)


def test_nrmse_is_its_definition(pair):
    reference, estimate = (a.astype(np.float64) for a in pair)
    expected = np.linalg.norm(reference - estimate) / np.linalg.norm(reference)
    assert score(*pair).nrmse == pytest.approx(expected, abs=1e-5)


def test_ssim_is_scikit_images(pair):
    expected = structural_similarity(
        *(a.astype(np.float64) for a in pair), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
    )
    assert score(*pair).ssim == pytest.approx(expected, abs=1e-5)


def test_the_ssim_map_is_monais_where_its_window_fits(pair):
    tensors = [torch.from_numpy(a.astype(np.float64))[None, None] for a in pair]
    theirs, _ = compute_ssim_and_cs(
        tensors[1], tensors[0], spatial_dims=3, kernel_size=(11,) * 3, kernel_sigma=(1.5,) * 3, data_range=1.0
    )
    ours = ssim_map(*pair)[5:-5, 5:-5, 5:-5]
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=3e-4)  # MONAI works in single precision


def test_an_identical_volume_is_perfect(pair):
    scores = score(pair[0], pair[0])
    assert scores.psnr == float("inf")
    assert (scores.ssim, scores.nrmse) == (pytest.approx(1), 0)


@pytest.mark.parametrize(
    ("reference", "estimate", "words"),
    [
        (np.ones((12, 12, 12)), np.ones((12, 12, 11)), "same"),
        (np.ones((12, 12, 8)), np.ones((12, 12, 8)), "11 voxels"),
        (np.zeros((12, 12, 12)), np.zeros((12, 12, 12)), "empty"),
    ],
)
def test_what_cannot_be_compared_is_refused(reference, estimate, words):
    with pytest.raises(InputError, match=words):
        score(reference.astype(np.float32), estimate.astype(np.float32))
