"""What speaks against fusing scans, each as an error that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.grid import Grid
from ..image.volume import Volume
from ..physics.moved import slice_axis
from ..physics.resampling import Transform
from .registration import Registration

OVERLAP = 0.05
"""Scans that share less of the reference's field of view than this cannot be brought onto each other."""

ALIKE, PLAINLY_ALIKE = 0.5, 0.75
"""Correlation of two registered scans of one subject, at least, and as a rule: whole heads had 0.89 to 0.96 (of different people 0.32 to
0.69), but stacks of a pelvis that overlap by 40 % 0.58 and 0.62. Between the two nothing is refused, and it is said."""

PARALLEL = 0.95
"""From this cosine between their slice directions on, two scans are parallel."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One of the scans to fuse.

    Args:
        name: for people.
        volume: the scan.
        subject: who it is of, as its headers or its name say; empty if they do not.
    """

    name: str
    volume: Volume
    subject: str = ""


def check_scans(scans: Sequence[Scan], reference: int) -> None:
    """Raise `InputError` unless there are several different scans of one subject, and the reference among them."""
    if len(scans) < 2:
        raise InputError("Fusing needs at least two scans of one subject; give more of them.")
    if not 1 <= reference <= len(scans):
        raise InputError(f"The reference must be one of the scans 1 to {len(scans)}; got {reference}.")
    for number, one in enumerate(scans):
        for other in scans[:number]:
            if _same(one.volume, other.volume):
                raise InputError(
                    f"{other.name} and {one.name} are the same scan; give each scan once, for twice it would count for two."
                )
    check_same_subject(scans)


def check_same_subject(scans: Sequence[Scan]) -> None:
    """Raise `InputError` where scans are named after different people."""
    named = sorted({scan.subject for scan in scans} - {""})
    if len(named) > 1:
        raise InputError(
            f"The scans are of different people ({', '.join(named)}); choose scans of one subject."
        )


def check_overlap(scan: Scan, share: float) -> None:
    """Raise `InputError` where a scan covers too little of the reference."""
    if share < OVERLAP:
        raise InputError(
            f"{scan.name} covers only {100 * share:.0f} % of the reference's field of view; leave it out, or choose another reference."
        )


def check_alike(scan: Scan, found: Registration, cross_contrast: bool) -> str:
    """What to know of a registration, empty if nothing.

    Raises:
        InputError: the two scans are of different people or contrasts.
    """
    if not cross_contrast and not found.similarity >= ALIKE:
        raise InputError(
            f"{scan.name} does not look like the reference (correlation {found.similarity:.2f}, at least {ALIKE:g} in one subject): "
            "another person, another contrast, or too little in common. Leave it out; state --cross-contrast if only the contrast differs."
        )
    if found.converged and not cross_contrast and found.similarity < PLAINLY_ALIKE:
        return (
            f"{scan.name} is not much like the reference (correlation {found.similarity:.2f}): make sure that both show one subject in one "
            "contrast, and look at its place."
        )
    if found.converged:
        return ""
    return (
        f"The registration of {scan.name} did not converge; look at its place before you rely on the result."
    )


def parallel_note(scans: Sequence[Scan], transforms: Sequence[Transform]) -> str:
    """Whether all scans were cut into slices in one direction, as a sentence; empty where they were not."""
    normals = [
        transform[:3, :3] @ _normal(scan.volume.grid)
        for scan, transform in zip(scans, transforms, strict=True)
    ]
    if any(abs(float(normals[0] @ normal)) < PARALLEL for normal in normals[1:]):
        return ""
    return "All slices lie in the same direction: what one scan does not resolve the others hardly add; an orthogonal one would."


def _same(one: Volume, other: Volume) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one.array, other.array))


def _normal(grid: Grid) -> NDArray[np.float64]:
    direction = grid.affine[:3, slice_axis(grid)]
    return np.asarray(direction / np.linalg.norm(direction))
