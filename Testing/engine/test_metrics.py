import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import PSNRMetric
from monai.metrics.regression import compute_ssim_and_cs
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from engine.conftest import phantom
from mrisr.errors import InputError
from mrisr.image import metrics
from mrisr.image.metrics import HEAD, score, ssim_map
from mrisr.physics.protocols import PROTOCOLS, prepare_reference


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
    theirs = PSNRMetric(max_val=1)(
        torch.from_numpy(estimate)[None, None], torch.from_numpy(reference)[None, None]
    )
    assert scores.psnr == pytest.approx(float(theirs), abs=1e-4)


def test_nrmse_is_its_definition(pair):
    reference, estimate = (a.astype(np.float64) for a in pair)
    expected = np.linalg.norm(reference - estimate) / np.linalg.norm(reference)
    assert score(*pair).nrmse == pytest.approx(expected, abs=1e-5)


def scikit_images(reference, estimate):
    """The five scores, in double precision."""
    x, y, mask = reference.astype(np.float64), estimate.astype(np.float64), reference > HEAD
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    ssim, similarity = structural_similarity(x, y, full=True, **options)
    inner = (slice(5, -5),) * 3
    inside = similarity[inner][mask[inner]]
    with np.errstate(divide="ignore"):
        psnr, psnr_mask = (
            peak_signal_noise_ratio(x[m], y[m], data_range=1) for m in (np.full(x.shape, True), mask)
        )
    return [
        psnr,
        psnr_mask,
        ssim,
        inside.mean() if inside.size else np.nan,
        normalized_root_mse(x, y),
    ], similarity


def drawn(shape, kind, contrast, noise, seed):
    """A volume on [0, 1] and an estimate of it."""
    random = np.random.default_rng(seed)
    reference = np.full(shape, contrast) if kind == "constant" else contrast * random.random(shape)
    if kind == "blob":  # most of the field is empty, as in a head
        radius = sum(
            np.linspace(-1, 1, n).reshape(np.roll([n, 1, 1], axis)) ** 2 for axis, n in enumerate(shape)
        )
        reference = np.where(radius < 0.8, reference, 0)
        reference[tuple(n // 2 for n in shape)] = contrast
    return reference, reference + noise * random.standard_normal(shape)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(11, 52), st.integers(11, 24), st.integers(11, 24)),
    kind=st.sampled_from(["constant", "noise", "blob"]),
    contrast=st.sampled_from([0.06, 0.3, 1.0]),
    noise=st.sampled_from([0.0, 1e-4, 0.02, 0.5]),
    seed=st.integers(0, 1000),
    dtype=st.sampled_from([np.float32, np.float64]),
    slab=st.sampled_from([1, metrics.SLAB]),
    turned=st.booleans(),
)
def test_every_score_is_scikit_images(shape, kind, contrast, noise, seed, dtype, slab, turned):
    reference, estimate = (a.astype(dtype) for a in drawn(shape, kind, contrast, noise, seed))
    if turned:  # NIfTI's arrays have their first axis run fastest, and slices of arrays have gaps
        reference, estimate = np.asfortranarray(reference), np.repeat(estimate, 2, axis=2)[:, :, ::2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "SLAB", slab)
        ours, similarity = score(reference, estimate), ssim_map(reference, estimate)
    expected, theirs = scikit_images(reference, estimate)
    found = [ours.psnr, ours.psnr_mask, ours.ssim, ours.ssim_mask, ours.nrmse]
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
    np.testing.assert_allclose(similarity, theirs, atol=1e-6)  # at the borders as well
    assert (noise == 0) == (ours.psnr == np.inf)


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
