"""Losses that compare what a trained network sees: VGG16 on slices of the three planes, or a 3-D network of our own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import CatalogError, ConfigError, FileError
from .feature_network import FeatureNetwork

VGG_FILE = "vgg16-397923af.pth"
"""torchvision's VGG16 as torch keeps it on disk; the name ends in the beginning of its SHA-256."""

VGG_BLOCKS = ((3, 64), (64, 64)), ((64, 128), (128, 128)), ((128, 256), (256, 256), (256, 256))
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

FAINT = 0.1
"""Length of a voxel's features in our own network below which they say little."""


class VGGPerceptual(nn.Module):
    """Mean squared difference of the features after each of VGG16's first three blocks (Johnson et al. 2016, arXiv 1603.08155).

    A volume is seen as `slices` evenly spaced slices of each of its three planes.

    Args:
        weights: a state dict with torchvision's names; None for the file that torch has already downloaded.
        sha256: of that file, or its beginning; checked if given.
        slices: of each plane.

    Raises:
        ConfigError: there is no such file and torch has none either.
        CatalogError: the file is not the one expected.
    """

    def __init__(self, weights: str | None = None, sha256: str | None = None, slices: int = 4) -> None:
        super().__init__()
        path = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / VGG_FILE
        if not path.is_file():
            raise ConfigError(
                f"VGG16's weights {path} are not there; name them in loss_options.vgg.weights, or use the loss features."
            )
        expected = sha256 or ("" if weights else VGG_FILE.split("-")[1].removesuffix(".pth"))
        self.sha256 = check_hash(path, expected)
        self.blocks = vgg_blocks()
        self.slices = slices
        state = _read(path)
        fitting = {name.removeprefix("features."): value for name, value in state.items()}
        _fill(self.blocks, fitting, path)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("sd", torch.tensor(IMAGENET_SD)[:, None, None])

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        total = estimate.new_zeros(())
        for axis in (2, 3, 4):
            x, y = self._images(estimate, axis), self._images(target, axis)
            for block in self.blocks:
                x, y = block(x), block(y)
                total = total + functional.mse_loss(x, y)
        return total / 3

    def _images(self, volume: Tensor, axis: int) -> Tensor:
        """(N·slices, 3, …), normalized as VGG16 expects."""
        count = min(self.slices, volume.shape[axis])
        places = torch.linspace(0, volume.shape[axis] - 1, count).round().long()
        images = volume.index_select(axis, places.to(volume.device)).movedim(axis, 1).flatten(0, 1)
        return (images.expand(-1, 3, -1, -1) - self.get_buffer("mean")) / self.get_buffer("sd")


class FeaturePerceptual(nn.Module):
    """Mean squared difference of the features of our own 3-D network, each voxel's of unit length (Zhang et al. 2018, arXiv 1801.03924).

    Args:
        weights: its safetensors file; None for the one that travels with the package.
    """

    def __init__(self, weights: str | None = None) -> None:
        super().__init__()
        from safetensors.torch import load_file

        path = Path(weights) if weights else Path(__file__).with_name("features.safetensors")
        if not path.is_file():
            raise ConfigError(
                f"The feature network {path} is not there; train it with configs/features3d.toml."
            )
        self.network = FeatureNetwork()
        self.network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        self.requires_grad_(False)
        self.eval()

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number from 0 to 4."""
        seen, wanted = self.network.levels(estimate), self.network.levels(target)
        terms = [(_unit(x) - _unit(y)).square().sum(1).mean() for x, y in zip(seen, wanted, strict=True)]
        return torch.stack(terms).mean()


def _unit(features: Tensor) -> Tensor:
    """(N, C, i, j, k), every voxel's features of length 1, or shorter where there is hardly anything to see."""
    return features / (features.square().sum(1, keepdim=True) + FAINT**2).sqrt()


def vgg_blocks() -> nn.ModuleList:
    """VGG16's first three blocks, untrained."""
    blocks = nn.ModuleList()
    for number, convolutions in enumerate(VGG_BLOCKS):
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if number else []
        for before, after in convolutions:
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        blocks.append(nn.Sequential(*layers))
    return blocks


def check_hash(path: Path, expected: str) -> str:
    """The SHA-256 of a file, which must begin with `expected`."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(expected.lower()):
        raise CatalogError(
            f"{path} is not the file expected (SHA-256 {found[:12]}…, not {expected[:12]}…); get it again."
        )
    return found


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's unpickler raises many kinds on damaged files
        raise FileError(f"The weights {path} cannot be read; get the file again.") from error
    if not isinstance(state, dict):
        raise FileError(f"The weights {path} are no state dict; get the file again.")
    return state


def _fill(blocks: nn.ModuleList, state: dict[str, Tensor], path: Path) -> None:
    """Put torchvision's `features.N` into the blocks: convolution after convolution, in order."""
    names = sorted(
        (n for n in state if n.endswith(".weight") and state[n].dim() == 4),
        key=lambda n: int(n.split(".")[0]),
    )
    convolutions = [m for m in blocks.modules() if isinstance(m, nn.Conv2d)]
    try:
        for convolution, name in zip(convolutions, names[: len(convolutions)], strict=True):
            convolution.load_state_dict(
                {"weight": state[name], "bias": state[name.replace(".weight", ".bias")]}
            )
    except (ValueError, KeyError, RuntimeError) as error:
        raise FileError(f"The weights {path} are not those of VGG16 ({error}).") from error
