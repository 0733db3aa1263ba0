"""How fast this machine convolves: a short measurement, from which the time of a network follows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .device import Compute

if TYPE_CHECKING:
    import torch

CHANNELS = 64
SIDE = 24
"""Large enough that starting the kernels does not count, small enough that a slow laptop needs a fraction of a second."""

WINOGRAD_SIDE = 32
"""Larger: combining planes must not find all of them in a processor's nearest cache."""

ROUNDS = 3


@cache
def throughput(compute: Compute) -> float:
    """Multiply-adds a second in a convolution like those of the networks; measured once a process, in about 0.2 s.

    The best of a few rounds, and on a processor its own seconds: what else the machine does for a moment must not count.

    Args:
        compute: the device and the precision.

    Example:
        >>> throughput(Compute("cpu")) > 1e6
        True
    """
    import torch

    layout = torch.channels_last_3d
    layer = torch.nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1)
    layer = layer.to(compute.device, compute.dtype, memory_format=layout)  # type: ignore[call-overload]
    scan = torch.ones(1, CHANNELS, SIDE, SIDE, SIDE, device=compute.device, dtype=compute.dtype)
    scan = scan.contiguous(memory_format=layout)
    with torch.inference_mode():
        layer(scan)
        seconds = min(_timed(layer, scan, compute.device) for _ in range(ROUNDS))
    return float(layer.weight.numel() * SIDE**3 / seconds)


@dataclass(frozen=True)
class Pace:
    """What a machine gets done in a second.

    Args:
        multiply_adds: in convolutions.
        winograd: in those that `winograd.Winograd` computes where it suits, counted as if they were computed directly.
        values: written by what comes between them, whose time is that of memory.
    """

    multiply_adds: float
    winograd: float
    values: float


@cache
def pace(compute: Compute) -> Pace:
    """How fast a machine runs the networks' operations; measured once a process, in about 0.4 s.

    Args:
        compute: the device and the precision.

    Example:
        >>> pace(Compute("cpu")).multiply_adds == throughput(Compute("cpu"))
        True
    """
    return Pace(throughput(compute), _throughput_of_winograd(compute), _values_a_second(compute))


def _values_a_second(compute: Compute) -> float:
    """Values written a second, half of them where they are read, half from one layout in memory to another, which takes longer."""
    import torch

    side = 2 * SIDE
    scan = torch.ones(1, CHANNELS, side, side, side, device=compute.device, dtype=compute.dtype)

    def write(scan: torch.Tensor) -> torch.Tensor:
        return torch.relu(scan.contiguous(memory_format=torch.channels_last_3d))

    with torch.inference_mode():
        write(scan)
        seconds = min(_timed(write, scan, compute.device) for _ in range(ROUNDS))
    return 2 * scan.numel() / seconds


def _throughput_of_winograd(compute: Compute) -> float:
    """The same as `throughput` by `Winograd`, where that is what the networks get."""
    import torch

    from .winograd import KERNEL, Winograd, suits

    layer = torch.nn.Conv3d(CHANNELS, CHANNELS, KERNEL, padding=1).to(compute.device, compute.dtype)  # type: ignore[call-overload]
    layout = torch.channels_last_3d
    scan = torch.ones(1, CHANNELS, WINOGRAD_SIDE + 2, WINOGRAD_SIDE, WINOGRAD_SIDE, dtype=compute.dtype)
    scan = scan.to(compute.device, memory_format=layout)
    with torch.inference_mode():
        if not suits(layer, scan):
            return throughput(compute)
        answer = torch.empty_like(scan[:, :, 2:], memory_format=layout)
        convolve = Winograd(layer)

        def run(seen: torch.Tensor) -> torch.Tensor:
            convolve(seen, answer)
            return answer

        run(scan)
        seconds = min(_timed(run, scan, compute.device) for _ in range(ROUNDS))
    return float(layer.weight.numel() * WINOGRAD_SIDE**3 / seconds)


def _timed(run: Callable[[torch.Tensor], torch.Tensor], scan: torch.Tensor, device: str) -> float:
    import torch

    threads = torch.get_num_threads()
    # Windows counts a process's seconds in steps as long as a round.
    own = device == "cpu" and sys.platform != "win32"
    clock, share = (time.process_time, threads) if own else (time.perf_counter, 1)
    start = clock()
    float(run(scan)[0, 0, 0, 0, 0])  # reading a number waits for the device
    return (clock() - start) / share
