"""Parts that several networks share: sub-voxel shuffling and a basis for the voxels of a block."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Stride = tuple[int, int, int]


def space_to_depth(x: Tensor, stride: Sequence[int]) -> Tensor:
    """Voxels of each block become channels: (N, C, i, j, k) to (N, C·a·b·c, i/a, j/b, k/c); sides must be multiples."""
    n, channels, i, j, k = x.shape
    a, b, c = stride
    x = x.reshape(n, channels, i // a, a, j // b, b, k // c, c).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return x.reshape(n, channels * a * b * c, i // a, j // b, k // c)


def depth_to_space(x: Tensor, stride: Sequence[int]) -> Tensor:
    """The inverse of `space_to_depth` (sub-pixel convolution's shuffle, Shi et al. 2016, arXiv 1609.05158)."""
    n, channels, i, j, k = x.shape
    a, b, c = stride
    x = x.reshape(n, channels // (a * b * c), a, b, c, i, j, k).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, -1, i * a, j * b, k * c)


def block_basis(stride: Sequence[int], gain: float) -> Tensor:
    """A basis for the voxels of a block in which their mean stands by itself and the differences between them are magnified.

    The separable discrete cosine transform; its first coefficient scaled to be the mean, that of frequency f along an axis of n voxels
    magnified by gain^(2f/n), which makes the coefficients of scans about equally large. Neighbouring voxels are nearly equal: a network
    that is fed them as they are learns slowly and, in half precision, sees little of their differences.

    Args:
        stride: voxels of a block along i, j, k.
        gain: of the differences; 1 leaves the transform orthonormal but for the mean.

    Returns:
        (n, n) float32, to be applied to the n channels that `space_to_depth` makes of one.
    """
    i, j, k = (_cosines(n, gain) for n in stride)
    matrix = torch.kron(torch.kron(i, j), k)
    matrix[0] *= len(matrix) ** -0.5
    return matrix.float()


def fold(x: Tensor, basis: Tensor, stride: Sequence[int], estimates: int = 1) -> Tensor:
    """What a network works on: the blocks of the estimates in their basis, and the planes at each block's first voxel.

    Args:
        x: (N, estimates + planes, i, j, k), the estimates first.
        basis: from `block_basis`.
        stride: voxels of a block along i, j, k.
        estimates: how many channels are estimates.

    Returns:
        (N, estimates·a·b·c + planes, i/a, j/b, k/c), channels last; the planes come right after the first estimate's blocks.
    """
    a, b, c = stride
    # In full precision whatever runs around it: differences of nearly equal numbers.
    with torch.autocast(x.device.type, enabled=False):
        folded = [
            torch.einsum("oc,ncijk->noijk", basis, space_to_depth(x[:, n : n + 1].float(), stride))
            for n in range(estimates)
        ]
    parts = [folded[0], x[:, estimates:, ::a, ::b, ::c], *folded[1:]]
    return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last_3d)


def _cosines(n: int, gain: float) -> Tensor:
    """The orthonormal DCT-II of n samples with its frequencies magnified, (n, n) float64."""
    place = torch.arange(n, dtype=torch.float64)
    matrix = torch.cos(torch.pi * (place + 0.5) * place[:, None] / n) * (2 / n) ** 0.5
    matrix[0] /= 2**0.5
    scaled: Tensor = gain ** (2 * place[:, None] / n) * matrix
    return scaled
