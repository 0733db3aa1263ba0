"""Where scans of one subject lie to each other: rigid registration, the scans brought to isotropic voxels first.

The correlation of the reference with each other scan is made as large as can be (SimpleITK, six degrees of freedom, coarse to fine); for
scans of different contrast, their mutual information (Mattes et al. 2003, IEEE Trans. Med. Imaging 22(1), 120–128).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..image.grid import Grid
from ..image.itk import LPS_TO_RAS, to_itk
from ..image.registration import LEVELS, center_of, coarse_to_fine, execute, metric_at
from ..image.volume import Volume
from ..physics.interpolation import interpolate
from ..physics.resampling import Transform
from ..progress import Monitor

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

VOXELS = 2_000_000
"""More voxels than these make a registration slower, not better."""

SAMPLES = 60_000
"""So many of them are compared in each step."""

FARTHEST_MM, FARTHEST_DEGREES = 60.0, 45.0
"""Scans of one session lie no farther from each other: more than that is no registration but a failure."""


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a scan lies.

    Args:
        transform: from where its header places it to where it lies in the reference's space.
        similarity: the correlation there, from -1 to 1; of different contrasts, the mutual information.
        before: the same where the headers say.
        converged: whether the optimizer came to rest somewhere plausible. A place that is no better than the header's is not taken.
        degrees, mm: how far the scan was turned, and its center moved.
    """

    transform: Transform
    similarity: float
    before: float
    converged: bool
    degrees: float
    mm: float


def register(
    reference: Volume, scan: Volume, monitor: Monitor | None = None, *, cross_contrast: bool = False
) -> Registration:
    """Where `scan` lies in the space of `reference`.

    Args:
        reference: a magnitude scan.
        scan: another one of the same subject, near it.
        monitor: told of progress, asked for cancellation.
        cross_contrast: whether their contrasts differ.
    """
    import SimpleITK as sitk  # noqa: N813

    monitor = monitor or Monitor()
    fixed, moving = (_isotropic(volume) for volume in (reference, scan))
    transform = sitk.Euler3DTransform()
    transform.SetCenter(center_of(moving))
    method = _method(fixed, cross_contrast)
    before = metric_at(method, fixed, moving, transform)
    method.SetInitialTransform(transform, inPlace=True)
    execute(method, fixed, moving, monitor)
    after = metric_at(method, fixed, moving, transform)
    # SimpleITK maps points of the fixed image into the moving one: the scan's motion is the inverse.
    motion = np.asarray(np.linalg.inv(_as_ras(transform)), dtype=np.float64)
    degrees, mm = moved_by(motion, scan.grid)
    converged = bool(degrees < FARTHEST_DEGREES and mm < FARTHEST_MM and np.isfinite(after))
    if np.isfinite(before) and not after < before:  # no better place than the header's, where it started
        motion, after, degrees, mm = np.eye(4), before, 0.0, 0.0
    return Registration(motion, -after, -before, converged, degrees, mm)


def moved_by(transform: Transform, grid: Grid) -> tuple[float, float]:
    """The angle in degrees, and how far a grid's center is moved, in mm."""
    angle = float(np.degrees(np.arccos(np.clip((np.trace(transform[:3, :3]) - 1) / 2, -1, 1))))
    center = grid.affine @ [*((np.array(grid.shape) - 1) / 2), 1]
    return angle, float(np.linalg.norm((transform @ center - center)[:3]))


def _isotropic(volume: Volume) -> Any:
    """A scan on isotropic voxels as an image, by cubic splines; at most `VOXELS` of them."""
    volume = volume.with_array(volume.array.astype(np.float32))
    finest = min(s for s, n in zip(volume.spacing, volume.shape, strict=True) if n > 1)
    size = np.prod([n * s for n, s in zip(volume.shape, volume.spacing, strict=True)])
    spacing = max(finest, float(size / VOXELS) ** (1 / 3))
    target = volume.grid.resampled([s / spacing for s in volume.spacing])
    array = interpolate(volume.array, volume.grid, target)
    return to_itk(np.maximum(array, 0), target.affine)


def _method(fixed: sitk.Image, cross_contrast: bool) -> Any:
    shares = [min(1.0, SAMPLES * level**3 / fixed.GetNumberOfPixels()) for level in LEVELS]
    method = coarse_to_fine(shares, [level / 2 for level in LEVELS])
    if cross_contrast:
        method.SetMetricAsMattesMutualInformation(50)
    else:
        method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    return method


def _as_ras(transform: Any) -> Transform:
    """A transform of ITK's, which is in LPS, as a matrix in RAS."""
    matrix = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix[:3, 3] = origin
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit.tolist())) - origin
    return np.asarray(LPS_TO_RAS @ matrix @ LPS_TO_RAS)
