"""Losses against closed forms and finite differences."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from engine.training_helpers import balls
from mrisr.errors import CatalogError, ConfigError, FileError
from mrisr.image.metrics import ssim_map
from mrisr.training.losses.adversarial import critic_loss, generator_loss, gradient_penalty
from mrisr.training.losses.distance import FeatureDistance
from mrisr.training.losses.feature_network import FeatureNetwork
from mrisr.training.losses.perceptual import FeaturePerceptual, VGGPerceptual, vgg_blocks
from mrisr.training.losses.simple import L1, MSE, PSNR, Gradient
from mrisr.training.losses.ssim import SSIM
from mrisr.training.losses.sum import LOSSES, Sum


def pair(shape=(2, 1, 8, 9, 10), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator), torch.rand(shape, generator=generator)


def vgg_file(tmp_path):
    torch.manual_seed(0)
    state = {}
    for index, conv in zip(
        (0, 2, 5, 7, 10, 12, 14, 17),
        [m for m in vgg_blocks().modules() if isinstance(m, nn.Conv2d)],
        strict=False,
    ):
        state[f"features.{index}.weight"], state[f"features.{index}.bias"] = conv.weight.data, conv.bias.data
    path = tmp_path / "vgg.pth"
    torch.save(state, path)
    return path


def test_l1_and_mse_are_their_means():
    x, y = pair()
    assert torch.isclose(L1()(x, y), (x - y).abs().mean())
    assert torch.isclose(MSE()(x, y), ((x - y) ** 2).mean())


def test_the_psnr_loss_is_that_of_scikit_image_patch_by_patch():
    x, y = pair()
    expected = [
        peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=1) for a, b in zip(x, y, strict=True)
    ]
    assert float(PSNR(floor=0)(x, y)) == pytest.approx(-sum(expected) / len(expected), abs=1e-4)
    assert float(PSNR(floor=1e-6)(x, x)) == pytest.approx(-60, abs=1e-4)


def test_the_gradient_loss_ignores_a_constant_and_measures_a_ramp():
    x = torch.rand(1, 1, 6, 6, 6)
    assert Gradient()(x + 0.3, x) < 1e-6
    ramp = torch.arange(6.0)[None, None, :, None, None]
    assert torch.isclose(Gradient()(x + 0.2 * ramp, x), torch.tensor(0.2 / 3), atol=1e-6)


def test_the_ssim_loss_is_that_of_the_metric():
    x, y = pair((1, 1, 16, 17, 18))
    expected = 1 - ssim_map(y[0, 0].numpy(), x[0, 0].numpy())[5:-5, 5:-5, 5:-5].mean()
    assert abs(float(SSIM()(x, y)) - expected) < 2e-3
    assert float(SSIM()(x, x)) == pytest.approx(0, abs=1e-5)


def test_sums_weigh_their_terms():
    x, y = pair()
    assert torch.isclose(Sum({"l1": 2.0, "mse": 0.5})(x, y), 2 * L1()(x, y) + 0.5 * MSE()(x, y))


def test_unknown_losses_and_options_are_named():
    with pytest.raises(ConfigError, match=r"'l3'.*l1"):
        Sum({"l3": 1.0})
    with pytest.raises(ConfigError, match="ssim"):
        Sum({"ssim": 1.0}, {"ssim": {"windows": 3}})
    assert set(LOSSES) >= {"l1", "mse", "ssim", "gradient", "vgg", "features"}


def test_vgg_needs_a_file_and_checks_its_hash(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="not there"):
        VGGPerceptual()
    path = vgg_file(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert VGGPerceptual(str(path), digest[:12]).sha256 == digest
    with pytest.raises(CatalogError, match="not the file expected"):
        VGGPerceptual(str(path), "0" * 12)
    path.write_bytes(b"no weights")
    with pytest.raises(FileError):
        VGGPerceptual(str(path))


def test_the_vgg_loss_is_the_distance_of_the_features_of_slices(tmp_path):
    loss = VGGPerceptual(str(vgg_file(tmp_path)), slices=1)
    x, y = pair((1, 1, 16, 16, 16))
    expected = 0.0
    for axis in (2, 3, 4):
        images = []
        for volume in (x, y):
            image = volume.select(axis, 0)[:, 0][:, None].expand(-1, 3, -1, -1)
            images.append((image - loss.mean) / loss.sd)
        for block in loss.blocks:
            images = [block(image) for image in images]
            expected += ((images[0] - images[1]) ** 2).mean() / 3
    assert torch.isclose(loss(x, y), expected, rtol=1e-4)
    assert float(loss(x, x)) == 0


def test_perceptual_losses_have_the_gradient_of_finite_differences(tmp_path):
    torch.manual_seed(0)
    save_file(FeatureNetwork().state_dict(), tmp_path / "features.safetensors")
    loss = FeaturePerceptual(str(tmp_path / "features.safetensors")).double()
    x, y = (volume.double() for volume in pair((1, 1, 8, 8, 8)))
    x.requires_grad_()
    loss(x, y).backward()
    direction = torch.randn_like(x)
    h = 1e-6
    with torch.no_grad():
        difference = (loss(x + h * direction, y) - loss(x - h * direction, y)) / (2 * h)
    assert torch.isclose((x.grad * direction).sum(), difference, rtol=1e-3)


def test_the_feature_distance_grows_with_blur_and_with_grain_and_not_with_brightness():
    random = np.random.default_rng(0)
    reference = ndimage.gaussian_filter(balls(3, side=32), 0.7) + random.normal(0, 0.01, (32, 32, 32)).astype(
        np.float32
    )
    blurred = [ndimage.gaussian_filter(reference, sigma) for sigma in (0.4, 0.8, 1.6)]
    grainy = [
        reference + random.normal(0, sigma, reference.shape).astype(np.float32) for sigma in (0.01, 0.05)
    ]
    distance = FeatureDistance()
    assert distance(reference, reference) == 0
    far = [distance(reference, volume) for volume in blurred]
    assert 0 < far[0] < far[1] < far[2] < 4
    assert 0 < distance(reference, grainy[0]) < distance(reference, grainy[1])
    # Brightness is not what it looks at.
    assert distance(reference, reference + 0.05) < 0.1 * far[0]


def test_the_gradient_penalty_of_a_linear_critic_is_known():
    weight = torch.rand(1, 1, 4, 4, 4)
    critic = lambda v: (v * weight).sum((1, 2, 3, 4))  # noqa: E731
    real, fake = pair((3, 1, 4, 4, 4))
    expected = (weight.norm() - 1) ** 2
    assert torch.isclose(gradient_penalty(critic, real, fake, torch.rand(3)), expected, rtol=1e-5)


def test_the_gradient_penalty_is_taken_between_the_scans():
    critic = lambda v: 0.5 * (v**2).sum((1, 2, 3, 4))  # noqa: E731 - its gradient is the point itself
    real, fake = pair((2, 1, 4, 4, 4))
    share = torch.tensor([0.25, 1.0])
    points = share[:, None, None, None, None] * real + (1 - share[:, None, None, None, None]) * fake
    expected = ((points.flatten(1).norm(dim=1) - 1) ** 2).mean()
    assert torch.isclose(gradient_penalty(critic, real, fake, share), expected, rtol=1e-5)


def test_wasserstein_losses_have_their_signs():
    critic = lambda v: v.mean((1, 2, 3, 4))  # noqa: E731
    real, fake = torch.ones(2, 1, 4, 4, 4), torch.zeros(2, 1, 4, 4, 4)
    assert torch.isclose(critic_loss(critic, real, fake, torch.rand(2), 0.0), torch.tensor(-1.0))
    assert float(generator_loss(critic, real)) == -1
