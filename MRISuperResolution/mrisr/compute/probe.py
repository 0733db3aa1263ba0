"""How fast this machine convolves: a short measurement, from which the time of a network follows."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .device import Compute

if TYPE_CHECKING:
    import torch

CHANNELS = 64
SIDE = 24
"""Large enough that starting the kernels does not count, small enough that a slow laptop needs a fraction of a second."""

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
        values: written by what comes between them, whose time is that of memory.
    """

    multiply_adds: float
    values: float


@cache
def pace(compute: Compute) -> Pace:
    """How fast a machine runs the networks' operations; measured once a process, in about 0.3 s.

    Args:
        compute: the device and the precision.

    Example:
        >>> pace(Compute("cpu")).multiply_adds == throughput(Compute("cpu"))
        True
    """
    import torch

    layer = torch.nn.ReLU()
    scan = torch.ones(1, CHANNELS, 2 * SIDE, 2 * SIDE, 2 * SIDE, device=compute.device, dtype=compute.dtype)
    with torch.inference_mode():
        layer(scan)
        seconds = min(_timed(layer, scan, compute.device) for _ in range(ROUNDS))
    return Pace(throughput(compute), scan.numel() / seconds)


def _timed(layer: torch.nn.Module, scan: torch.Tensor, device: str) -> float:
    import torch

    threads = torch.get_num_threads()
    # Windows counts a process's seconds in steps as long as a round.
    own = device == "cpu" and sys.platform != "win32"
    clock, share = (time.process_time, threads) if own else (time.perf_counter, 1)
    start = clock()
    float(layer(scan)[0, 0, 0, 0, 0])  # reading a number waits for the device
    return (clock() - start) / share
