"""Where scans, and their slices, fit best: places refined against the volume that the others make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..image.arrays import Array
from ..image.grid import Grid
from ..physics.moved import MovedOperator, layer, slice_axis
from ..physics.resampling import Transform
from ..progress import Monitor
from .reconstruction import reconstruct, trusted
from .refinement import Placed, refined
from .stack import Stack
from .start import mean_alone

ENOUGH = 1_500_000
"""Voxels of a volume against which places are refined: more make it slower, not better."""

BETTER = 1.02
"""A place that explains a scan better than its header's by less than this factor is none: models err by more."""

NEAR = 0.5
"""Voxels of the result by which the reference may move to where most headers place the subject."""


def placed_stacks(stacks: Sequence[Stack], target: Grid, device: str, monitor: Monitor) -> list[Stack]:
    """Registered scans, their places refined: first against what was placed before, then against all others.

    Args:
        stacks: the scans; those that were not registered stay.
        target: grid of the result.
        device: where the arithmetic happens.
        monitor: told of progress, asked for cancellation.
    """
    order = [number for number, stack in enumerate(stacks) if stack.found is not None]
    shrink = min(1.0, (ENOUGH / target.size) ** (1 / 3))
    grid = target.resampled([shrink] * 3)
    placed = {number: stack for number, stack in enumerate(stacks) if number not in order}
    turns = 2 if len(stacks) > 2 else 1
    for turn in range(turns if order else 0):
        for done, number in enumerate(order):
            monitor.step("refinement", turn * len(order) + done, turns * len(order))
            others = [other for key, other in placed.items() if key != number]
            start = mean_alone(others, grid, device)
            x = reconstruct([other.part(grid, start) for other in others], start, rounds=1).volume
            placed[number] = _stack_placed(placed.get(number, stacks[number]), x, grid)
    return [placed[number] for number in range(len(stacks))]


def settled(stacks: Sequence[Stack], first: int, target: Grid) -> list[Stack]:
    """The scans in the space of the one whose header agrees best with all others', where most of them agree with it.

    Patients move between scans, and each scan is distorted in its own way: the reference's header is no better than others. It stays
    where it would move by more than `NEAR`, since the result is to lie where the reference does, and where the others lie apart.

    Args:
        stacks: the scans, placed in the reference's space.
        first: number of the reference.
        target: grid of the result.
    """
    ends = np.array([(0, n - 1) for n in target.shape])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
    corners = np.c_[corners, np.ones(8)] @ target.affine.T

    def apart(one: Transform, other: Transform) -> float:
        return float(np.linalg.norm(((one - other) @ corners.T)[:3], axis=0).max())

    places = [stack.transform for stack in stacks]
    order = sorted(range(len(stacks)), key=lambda number: number != first)
    middle = min(order, key=lambda number: sum(apart(places[number], other) for other in places))
    moved, far = apart(places[middle], np.eye(4)), NEAR * min(target.spacing)
    agreeing = sum(apart(places[middle], other) < moved / 2 for other in places)
    if moved > far or 2 * agreeing <= len(places):
        return list(stacks)
    back = np.asarray(np.linalg.inv(places[middle]))
    return [replace(stack, transform=np.asarray(back @ stack.transform)) for stack in stacks]


def slices_placed(stack: Stack, x: Array, target: Grid, monitor: Monitor) -> Stack:
    """A scan with a place of its own for each slice, found against the volume so far.

    Args:
        stack: the scan.
        x: the volume, on `target`.
        target: its grid.
        monitor: told of progress, asked for cancellation.
    """
    part, grid = stack.part(target, x), stack.volume.grid
    axis, weight = slice_axis(grid), part.covered * trusted(part, part.rest(x))
    operators, places = stack.slice_operators(target), []
    for number, operator in enumerate(operators):
        monitor.step("motion", number, len(operators))
        middle = [number if a == axis else (n - 1) / 2 for a, n in enumerate(grid.shape)]
        before = operator.sampling.transform
        center = (before @ grid.affine @ [*middle, 1])[:3]

        def scanned(motion: Transform, operator: MovedOperator = operator) -> Array:
            return replace(operator, sampling=replace(operator.sampling, transform=motion)).forward(x)

        measured, trust = (layer(each, axis, number) for each in (part.measurement.measured, weight))
        places.append(refined(Placed(scanned, measured, trust, center), before))
    return replace(stack, slices=tuple(places))


def _stack_placed(stack: Stack, x: Array, grid: Grid) -> Stack:
    """A scan where it fits a volume best, looked for around its registered place and around its header's."""
    part, volume = stack.part(grid, x), stack.volume
    center = (volume.affine @ [*((np.array(volume.shape) - 1) / 2), 1])[:3]

    def scanned(motion: Transform) -> Array:
        return stack.operator(grid, motion).forward(x)

    place = Placed(scanned, part.measurement.measured, part.covered * trusted(part, part.rest(x)), center)
    places = [refined(place, transform) for transform in (stack.transform, np.eye(4))]
    best, stated = min(places, key=place.misfit), np.eye(4)
    if place.misfit(stated) <= BETTER * place.misfit(best):
        best = stated
    return replace(stack, transform=best)
