"""Where a reconstruction begins: the mean of what each scan gives alone, by interpolation or by a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..image.arrays import Array, on_device
from ..image.grid import Grid
from ..image.volume import Volume
from ..physics.interpolation import interpolate
from ..physics.resampling import Resampling
from .field import covering
from .stack import Stack


def interpolated(stack: Stack) -> Volume:
    """A scan on its own refined grid, by cubic splines."""
    fine = stack.plan.target
    return Volume(interpolate(stack.volume.array, stack.volume.grid, fine), fine.affine)


def mean_alone(
    stacks: Sequence[Stack], grid: Grid, device: str, alone: Callable[[Stack], Volume] = interpolated
) -> Array:
    """The mean over the scans that see a voxel, 0 where none does; a tensor on the device.

    Args:
        stacks: the scans.
        grid: where it is wanted.
        device: torch's name of where the arithmetic happens.
        alone: what a scan gives by itself, on its own axes.
    """
    total: Array = 0.0
    count: Array = 0.0
    for stack in stacks:
        own = alone(stack)
        sampling = Resampling(own.grid, grid, np.asarray(np.linalg.inv(stack.transform)))
        seen = on_device(covering(grid, stack.volume.grid, stack.transform), device)
        total, count = total + sampling.forward(on_device(own.array, device)) * seen, count + seen
    return total / count.clamp_min(1)
