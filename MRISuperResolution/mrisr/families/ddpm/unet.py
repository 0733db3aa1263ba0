"""A U-Net that is told a few numbers, such as the step of a diffusion (Ronneberger et al. 2015; Ho et al. 2020, arXiv 2006.11239).

Three choices make its answer for a voxel the same in a small training patch and in a tile of any size: features are normalized over the
channels of each voxel (as in Restormer, arXiv 2111.09881, and NAFNet, arXiv 2204.04676) rather than over the whole tile, attention
reaches a fixed neighborhood, and resolutions are changed by one anti-aliasing filter and its transpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

Axes = tuple[int, ...]
Kernel = tuple[int, int, int]

WAVES = 16
"""Frequencies in which a number is told."""

REACH = 2
"""Attention looks this many positions to each side."""


class VoxelNorm(nn.Module):
    """Group norm with one group, over the channels of each voxel alone.

    Args:
        channels: their number.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, i, j, k) to the same."""
        answer: Tensor = self.norm(x.movedim(1, -1)).movedim(-1, 1)
        return answer


class Told(nn.Module):
    """Numbers as waves of several frequencies, then two linear layers.

    Args:
        count: how many numbers.
        width: of the answer.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.register_buffer("waves", 2.0 ** torch.linspace(-1, 6, WAVES), persistent=False)
        self.layers = nn.Sequential(
            nn.Linear(2 * WAVES * count, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, numbers: Tensor) -> Tensor:
        """(N, count), each in about [0, 1], to (N, width)."""
        angle = math.pi * numbers.float()[..., None] * self.get_buffer("waves")
        told: Tensor = self.layers(torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(1))
        return told


class Block(nn.Module):
    """norm – convolution – scaled and shifted by what the network is told – SiLU – convolution, and a way around.

    Args:
        before, after: channels.
        kernel: of the convolutions.
        told: width of what it is told.
    """

    def __init__(self, before: int, after: int, kernel: Kernel, told: int) -> None:
        super().__init__()
        padding = _padding(kernel)
        self.norm = VoxelNorm(before)
        self.conv1 = nn.Conv3d(before, after, kernel, padding=padding)
        self.conv2 = nn.Conv3d(after, after, kernel, padding=padding)
        self.film = nn.Linear(told, 2 * after)
        self.around = nn.Conv3d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(N, before, i, j, k) and (N, width) to (N, after, i, j, k)."""
        h = self.conv1(self.norm(x))
        scale, shift = self.film(told).to(h.dtype)[:, :, None, None, None].chunk(2, dim=1)
        h = self.conv2(functional.silu(torch.addcmul(shift, h, 1 + scale), inplace=True))
        answer: Tensor = self.around(x) + h
        return answer


class Attention(nn.Module):
    """Each position attends to those at most `REACH` away along each of the axes (Ramachandran et al. 2019, arXiv 1906.05909).

    Args:
        width: channels.
        heads: each of width / heads channels.
        axes: of the volume, those along which it looks.
    """

    def __init__(self, width: int, heads: int, axes: Axes) -> None:
        super().__init__()
        self.heads = heads
        self.reach = [REACH if axis in axes else 0 for axis in range(3)]
        self.norm = VoxelNorm(width)
        self.ask = nn.Conv3d(width, 3 * width, 1)
        self.answer = nn.Conv3d(width, width, 1)
        self.nearness = nn.Parameter(torch.zeros(heads, math.prod(2 * r + 1 for r in self.reach)))
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, i, j, k) to the same."""
        width, shape = x.shape[1], x.shape[2:]
        near, outside = self._near(shape, x.device)
        parts = (
            self.ask(self.norm(x))
            .flatten(2)
            .mT.reshape(len(x), len(near), 3, self.heads, width // self.heads)
            .unbind(2)
        )
        query = parts[0] * (width // self.heads) ** -0.5
        key, value = (
            part.index_select(1, near.flatten()).reshape(len(x), *near.shape, *part.shape[2:])
            for part in parts[1:]
        )
        score = torch.einsum("nphc,npwhc->nphw", query, key) + self.nearness
        share = score.masked_fill(outside[:, None], -torch.inf).softmax(-1).to(value.dtype)
        found = torch.einsum("nphw,npwhc->nphc", share, value).flatten(2).mT.reshape(x.shape)
        added: Tensor = self.answer(found)
        return x + added

    def _near(self, shape: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
        """For each position its neighbors' numbers, (positions, neighbors), and which of them lie beyond the border."""
        steps = torch.cartesian_prod(*(torch.arange(-r, r + 1, device=device) for r in self.reach))
        places = torch.cartesian_prod(*(torch.arange(n, device=device) for n in shape))
        near, size = places[:, None] + steps, torch.tensor(shape, device=device)
        outside = ((near < 0) | (near >= size)).any(-1)
        i, j, k = torch.minimum(near.clamp(min=0), size - 1).unbind(-1)
        return (i * shape[1] + j) * shape[2] + k, outside


def halved(x: Tensor, axes: Axes) -> Tensor:
    """(N, C, i, j, k) at half the resolution along these axes, whose sides are even; anti-aliased by (1, 3, 3, 1) / 8."""
    for axis in axes:
        shape = x.shape[: axis + 2]
        even, odd = x.reshape(*shape, -1, 2, *x.shape[axis + 3 :]).unbind(axis + 3)
        last = even.shape[axis + 2] - 1
        before = torch.cat([even.narrow(axis + 2, 0, 1), odd.narrow(axis + 2, 0, last)], axis + 2)
        after = torch.cat([even.narrow(axis + 2, 1, last), odd.narrow(axis + 2, last, 1)], axis + 2)
        x = (even + odd) * 0.375 + (before + after) * 0.125
    return x.contiguous(memory_format=torch.channels_last_3d)


def doubled(x: Tensor, axes: Axes) -> Tensor:
    """(N, C, i, j, k) at twice the resolution along these axes: linear interpolation, which is `halved` transposed but for a factor."""
    for axis in axes:
        last = x.shape[axis + 2] - 1
        before = torch.cat([x.narrow(axis + 2, 0, 1), x.narrow(axis + 2, 0, last)], axis + 2)
        after = torch.cat([x.narrow(axis + 2, 1, last), x.narrow(axis + 2, last, 1)], axis + 2)
        x = torch.stack([x.lerp(before, 0.25), x.lerp(after, 0.25)], axis + 3).flatten(axis + 2, axis + 3)
    return x.contiguous(memory_format=torch.channels_last_3d)


class UNet(nn.Module):
    """Residual blocks at several resolutions, attention at the coarsest, ways across between equal ones.

    The tail starts at zero.

    Args:
        inputs, outputs: channels.
        widths: channels at each resolution, the finest first.
        blocks: at each resolution, on the way down and on the way up.
        heads: of the attention; 0 for none.
        axes: along which it works: (0, 1, 2), or two for a network in planes.
        numbers: how many it is told.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        *,
        blocks: int = 2,
        heads: int = 4,
        axes: Axes = (0, 1, 2),
        numbers: int = 2,
    ) -> None:
        super().__init__()
        self.axes = axes
        kernel = (3 if 0 in axes else 1, 3 if 1 in axes else 1, 3 if 2 in axes else 1)
        told = 2 * widths[0]
        self.told = Told(numbers, told)
        self.head = nn.Conv3d(inputs, widths[0], kernel, padding=_padding(kernel))
        down, up = [], []
        for finer, width in zip([widths[0], *widths[:-2]], widths[:-1], strict=True):
            down.append(
                nn.ModuleList(Block(finer if n == 0 else width, width, kernel, told) for n in range(blocks))
            )
        for width, coarser in pairwise(widths):
            up.append(
                nn.ModuleList(
                    Block(width + coarser if n == 0 else width, width, kernel, told) for n in range(blocks)
                )
            )
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.enter = Block(widths[-2], widths[-1], kernel, told)
        self.attention = Attention(widths[-1], heads, axes) if heads else nn.Identity()
        self.leave = Block(widths[-1], widths[-1], kernel, told)
        self.norm = VoxelNorm(widths[0])
        self.tail = nn.Conv3d(widths[0], outputs, kernel, padding=_padding(kernel))
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, numbers: Tensor) -> Tensor:
        """(N, inputs, i, j, k), sides multiples of 2^(levels − 1), and (N, numbers), to (N, outputs, i, j, k)."""
        told = self.told(numbers)
        x = self.head(x)
        across = []
        for level in self.down:
            for block in level:  # type: ignore[attr-defined]
                x = block(x, told)
            across.append(x)
            x = halved(x, self.axes)
        x = self.leave(self.attention(self.enter(x, told)), told)
        for level in reversed(self.up):
            x = torch.cat([across.pop(), doubled(x, self.axes)], dim=1)
            for block in level:  # type: ignore[attr-defined]
                x = block(x, told)
        answer: Tensor = self.tail(functional.silu(self.norm(x)))
        return answer


def _padding(kernel: Kernel) -> Kernel:
    i, j, k = (n // 2 for n in kernel)
    return (i, j, k)
