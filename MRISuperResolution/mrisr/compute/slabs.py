"""A network's convolutions in slabs: so that a long one can be stopped, and tells how far it is.

A slab's answer is what the whole convolution gives there; nothing is computed twice. In slabs, too, oneDNN's working memory stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from .device import Compute
from .probe import throughput
from .winograd import Winograd, suits

SECONDS = 0.25
"""Longest time between two looks at the cancel token, on an idle machine."""

Told = Callable[[float], None]
"""Told of the multiply-adds that were done; may raise to stop."""


@contextmanager
def told_of_work(network: nn.Module, compute: Compute, told: Told) -> Iterator[None]:
    """While its block runs, the network's convolutions tell of their work, and on a CPU work in slabs of `SECONDS` at most.

    Args:
        network: its 3-D convolutions must not be shared with another thread.
        compute: where it runs.
        told: called after each convolution or slab.
    """
    slab = SECONDS * throughput(compute) if compute.slow else float("inf")
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv3d)]
    for convolution in convolutions:
        convolution.forward = partial(_in_slabs, convolution, slab, told)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for convolution in convolutions:
            del convolution.forward


def work_per_voxel(network: nn.Module, tile: Tensor, multiple: int) -> float:
    """Multiply-adds of the network's convolutions for each voxel of a tile, from a run on a corner of it.

    Args:
        network: maps (1, C, i, j, k) to (1, c, i, j, k).
        tile: what it will be shown.
        multiple: of the corner's side.
    """
    corner = tile[..., :multiple, :multiple, :multiple]
    work = 0.0

    def add(amount: float) -> None:
        nonlocal work
        work += amount

    with told_of_work(network, Compute(str(tile.device)), add):
        network(corner)
    return work / corner[0, 0].numel()


def _in_slabs(convolution: nn.Conv3d, slab: float, told: Told, x: Tensor) -> Tensor:
    """The convolution of (N, C, i, j, k), as `nn.Conv3d` computes it, at most `slab` multiply-adds at once."""
    weights = convolution.weight.numel() // convolution.groups
    plane = x.shape[0] * weights * x.shape[3] * x.shape[4]
    rows = int(max(1.0, min(slab / plane, x.shape[2])))
    plain = _plain(convolution)
    sooner = plain and suits(convolution, x)
    if not plain or (rows == x.shape[2] and not sooner):
        answer: Tensor = convolution._conv_forward(x, convolution.weight, convolution.bias)
        told(float(weights) * x.shape[0] * answer[0, 0].numel())
        return answer
    convolve: Callable[[Tensor, Tensor], None] = partial(_within, convolution)
    if sooner:
        convolve, rows = Winograd.of(convolution), Winograd.rows(x)
    shape = (x.shape[0], convolution.out_channels, *x.shape[2:])
    dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
    answer = torch.empty(shape, dtype=dtype, device=x.device, memory_format=torch.channels_last_3d)
    for first in range(0, x.shape[2], rows):
        last = min(first + rows, x.shape[2])
        convolve(_seen(x, first, last, convolution.kernel_size[0] // 2), answer[:, :, first:last])
        told(float(plane) * (last - first))
    return answer


def _plain(convolution: nn.Conv3d) -> bool:
    """Whether it slides over every voxel, zeros beyond the ends."""
    return (
        convolution.stride == (1, 1, 1)
        and convolution.dilation == (1, 1, 1)
        and convolution.padding_mode == "zeros"
        and tuple(convolution.padding) == tuple(size // 2 for size in convolution.kernel_size)
    )


def _seen(x: Tensor, first: int, last: int, reach: int) -> Tensor:
    """The planes of `x` that the answer's planes from `first` up to `last` depend on, zeros beyond the ends."""
    missing = [max(0, reach - first), max(0, last + reach - x.shape[2])]
    seen = x[:, :, max(0, first - reach) : last + reach]
    return functional.pad(seen, (0, 0, 0, 0, *missing)) if any(missing) else seen


def _within(convolution: nn.Conv3d, seen: Tensor, answer: Tensor) -> None:
    """Fill the planes of the answer from all those that they depend on."""
    beside = [int(size) // 2 for size in convolution.kernel_size[1:]]
    answer.copy_(
        functional.conv3d(
            seen, convolution.weight, convolution.bias, padding=(0, *beside), groups=convolution.groups
        )
    )
