"""Several scans of one subject in orthogonal directions, as clinical protocols give them, made from a good scan.

`stacks3-thick4` makes three scans by the protocol `thick4`, `stacks2-…` two: the first across the slices of an axial scan, the second of
a sagittal, the third of a coronal one. Between them the subject may move, and between their slices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.grid import Grid
from ..image.normalization import Normalization
from ..image.volume import Volume
from .acquisition import rician
from .protocols import PROTOCOLS, Protocol
from .resampling import Transform, rigid

ACROSS = ("SI", "RL", "AP")
"""Anatomical directions across the slices of the first, second and third stack."""

KINDS = ("thick4", "thick6", "rect", "gap")

COUNTS = (2, 3)


@dataclass(frozen=True)
class Motion:
    """How the subject moves, in mm and degrees, each in a direction drawn at random.

    Args:
        mm, degrees: from the first stack to each of the others.
        slice_mm, slice_degrees: from slice to slice, the root mean square over a stack.

    Raises:
        InputError: a number is negative.
    """

    mm: float = 0.0
    degrees: float = 0.0
    slice_mm: float = 0.0
    slice_degrees: float = 0.0

    def __post_init__(self) -> None:
        if min(self.mm, self.degrees, self.slice_mm, self.slice_degrees) < 0:
            raise InputError("Motion must be given in mm and degrees of 0 or more.")


@dataclass(frozen=True, eq=False)
class SimulatedStack:
    """One of the scans, and the truth of where it lies.

    Args:
        volume: the scan, placed as its header would say.
        transforms: from there to where the subject lies in the reference, (slices, 4, 4), one a slice.
        axis: across the slices.
    """

    volume: Volume
    transforms: Transform
    axis: int


@dataclass(frozen=True)
class StackProtocol:
    """So many orthogonal scans of one kind."""

    name: str
    count: int
    kind: Protocol

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.count} orthogonal scans: {self.kind.summary}"

    def simulate(
        self, reference: Volume, motion: Motion | None = None, noise: float = 0.0, seed: int = 0
    ) -> list[SimulatedStack]:
        """The scans of `reference`.

        Args:
            reference: on the models' scale.
            motion: of the subject; None for none.
            noise: standard deviation of the complex noise, as a fraction of the reference's 99.9th percentile.
            seed: of motion and noise.
        """
        motion, rng = motion or Motion(), np.random.default_rng(seed)
        sigma = noise * Normalization.of(reference.array).scale
        stacks = []
        for number in range(self.count):
            axis = next(a for a in range(3) if reference.orientation[a] in ACROSS[number])
            moved = motion if number else replace(motion, mm=0.0, degrees=0.0)
            stack = _scan(reference, self.kind, axis, moved, rng)
            noisy = rician(stack.volume.array, sigma, rng) if sigma > 0 else stack.volume.array
            stacks.append(replace(stack, volume=stack.volume.with_array(noisy)))
        return stacks


STACKS = {
    f"stacks{count}-{kind}": StackProtocol(
        f"stacks{count}-{kind}", count, PROTOCOLS[kind if kind in PROTOCOLS else f"thick4-{kind}"]
    )
    for count in COUNTS
    for kind in KINDS
}


def _scan(
    reference: Volume, kind: Protocol, axis: int, motion: Motion, rng: np.random.Generator
) -> SimulatedStack:
    """One stack without noise; each slice sees the reference where the subject was then."""
    affected = (axis == 0, axis == 1, axis == 2)
    grid = kind.measured_grid(reference.grid, affected)
    matrices = kind.acquisition(affected).operator(reference.grid, grid).matrices
    weights = matrices[axis]
    if weights is None:
        raise InputError(f"The scan is too small for {kind.name}; choose a larger one.")
    transforms = _drawn(reference.grid, len(weights), motion, rng)
    alike = bool((transforms == transforms[0]).all())
    whole = _moved(reference, transforms[0], axis, 0, reference.shape[axis]) if alike else None
    slices = []
    for number, row in enumerate(weights):
        seen = np.flatnonzero(row)
        start, stop = int(seen[0]), int(seen[-1]) + 1
        layers = (
            _moved(reference, transforms[number], axis, start, stop)
            if whole is None
            else np.take(whole, range(start, stop), axis=axis)
        )
        slices.append(np.tensordot(layers, row[start:stop], axes=(axis, 0)))
    array = np.abs(np.stack(slices, axis=axis)).astype(np.float32)
    return SimulatedStack(Volume(array, grid.affine), transforms, axis)


def _drawn(grid: Grid, slices: int, motion: Motion, rng: np.random.Generator) -> Transform:
    """One motion a slice: that of the stack, and what comes on top, without drift."""
    center = (grid.affine @ [*((np.array(grid.shape) - 1) / 2), 1])[:3]
    stack = rigid(center, motion.degrees * _direction(rng), motion.mm * _direction(rng))
    turns, shifts = rng.standard_normal((2, slices, 3))
    turns, shifts = (each - each.mean(axis=0) for each in (turns, shifts))
    turns, shifts = (each / max(1e-9, np.sqrt((each**2).sum(axis=1).mean())) for each in (turns, shifts))
    each = [
        rigid(center, motion.slice_degrees * turn, motion.slice_mm * shift)
        for turn, shift in zip(turns, shifts, strict=True)
    ]
    return np.stack([stack @ one for one in each])


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def _moved(reference: Volume, transform: Transform, axis: int, start: int, stop: int) -> NDArray[np.float32]:
    """Layers `start` to `stop` of the moved reference, by cubic splines; beyond the field its border."""
    if np.array_equal(transform, np.eye(4)):
        return np.take(reference.array, range(start, stop), axis=axis)
    from scipy.ndimage import affine_transform

    place = np.linalg.inv(reference.affine) @ transform @ reference.affine
    first = np.zeros(3)
    first[axis] = start
    shape = [stop - start if a == axis else n for a, n in enumerate(reference.shape)]
    return np.asarray(
        affine_transform(
            reference.array,
            place[:3, :3],
            place[:3, 3] + place[:3, :3] @ first,
            output_shape=tuple(shape),
            order=3,
            mode="nearest",
            output=np.float32,
        )
    )
