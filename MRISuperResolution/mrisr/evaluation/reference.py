"""The result against a good scan of the same subject: rigid registration, then the scores and the error map of an evaluation.

The reference is moved onto the result's grid (six degrees of freedom, Mattes mutual information, SimpleITK), so that the result itself is
never resampled. The two scans' scales differ, and so the result is scaled to the reference by least squares before they are compared.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..image.itk import from_itk, to_itk
from ..image.metrics import HEAD, less_error_text, score
from ..image.normalization import Normalization
from ..image.registration import LEVELS, center_of, coarse_to_fine, execute, metric_at
from ..image.volume import Volume, check_volume
from ..physics.interpolation import KINDS, interpolate
from ..progress import Monitor
from .scores import Row, markdown_table

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

Array = NDArray[np.float32]

LABEL = "reference"

SAMPLED = 0.2
"""The share of the voxels that the registration looks at, at most."""

ENOUGH = 100_000
"""More voxels than these make a registration slower, not better."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A reference on the grid of a result.

    Args:
        volume: the reference, moved; 0 outside its field of view.
        rotation_degrees, translation_mm: how far it was moved; the translation is of the volume's centre.
    """

    volume: Volume
    rotation_degrees: float
    translation_mm: float


@dataclass(frozen=True, eq=False)
class Against:
    """A result beside its reference.

    Args:
        rows: `result` first, then the interpolations of the scan if it was given; `protocol` is `reference`.
        aligned: see `Alignment`.
        error: result minus reference, on the result's grid and in the reference's units.
    """

    rows: list[Row]
    aligned: Alignment
    error: Volume

    @property
    def table(self) -> str:
        """The rows as Markdown."""
        return markdown_table(self.rows)

    @property
    def sentence(self) -> str:
        """What was found, in plain words."""
        best = max(self.rows, key=lambda row: row.psnr_mask)
        moved = f"The reference was turned by {self.aligned.rotation_degrees:.1f}° and moved by {self.aligned.translation_mm:.1f} mm."
        result, plain = self.rows[0], next((row for row in self.rows if row.model == "cubic"), None)
        if plain is None:
            return f"{moved} The result agrees with it to {result.psnr_mask:.1f} dB in the head (PSNR; more is nearer)."
        gain = less_error_text(result.psnr_mask - plain.psnr_mask)
        nearest = "the result" if best.model == "result" else f"{best.model} interpolation"
        return f"{moved} The result has {gain} than plain interpolation in the head. Nearest to the reference is {nearest}."


def compare_with(
    result: Volume, reference: Volume, scan: Volume | None = None, *, monitor: Monitor | None = None
) -> Against:
    """Register a reference to a result and score the result.

    Args:
        result: the enhanced scan.
        reference: a good scan of the same subject, anywhere in space near it.
        scan: what the result was made from; adds the interpolations of it to the rows.
        monitor: told of progress, asked for cancellation.
    """
    monitor = monitor or Monitor()
    for volume in (result, reference):
        check_volume(volume)
    aligned = align(reference, result, monitor)
    scale = Normalization.of(aligned.volume.array)
    truth = np.clip(scale.apply(aligned.volume.array), 0, 1)
    rows: list[Row] = []
    error = np.zeros_like(truth)
    for name, array, seconds in _candidates(result, scan):
        monitor.step("comparison", len(rows), 1 + len(KINDS) * (scan is not None))
        fitted = _fitted(array, truth, aligned.volume.array != 0)
        error = fitted - truth if name == "result" else error
        scores = asdict(score(truth, fitted))
        rows.append(
            Row(
                "scan",
                LABEL,
                name,
                **scores,
                seconds=seconds,
                megavoxels=truth.size / 1e6,
                peak_memory_mb=None,
                device="cpu",
            )
        )
    return Against(rows, aligned, result.with_array(error * np.float32(scale.scale)))


def align(moving: Volume, fixed: Volume, monitor: Monitor | None = None) -> Alignment:
    """Move a volume rigidly onto another one of the same subject.

    Args:
        moving: a volume of any contrast and grid.
        fixed: where it is to lie.
        monitor: told of progress, asked for cancellation.
    """
    import SimpleITK as sitk  # noqa: N813

    monitor = monitor or Monitor()
    still, mobile = (to_itk(v.array.astype(np.float32), v.affine) for v in (fixed, moving))
    # Scans of one session share the scanner's coordinates; others start better with their centres of gravity on each other.
    where = sitk.Euler3DTransform()
    where.SetCenter(center_of(still))
    moments = sitk.CenteredTransformInitializer(
        still, mobile, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    starts = [where, sitk.Euler3DTransform(moments)]
    method = _method(still)
    value = {index: metric_at(method, still, mobile, start) for index, start in enumerate(starts)}
    start = starts[min(value, key=value.__getitem__)]
    method.SetInitialTransform(start, inPlace=True)
    execute(method, still, mobile, monitor)
    moved = sitk.Resample(mobile, still, start, sitk.sitkBSpline3, 0.0)
    inside = sitk.Resample(mobile * 0 + 1, still, start, sitk.sitkNearestNeighbor, 0.0)
    array = np.where(from_itk(inside).array > 0, np.maximum(from_itk(moved).array, 0), 0).astype(np.float32)
    return Alignment(fixed.with_array(array), *_motion(start, still))


def _method(still: sitk.Image) -> Any:
    shares = [min(SAMPLED, ENOUGH * level**3 / still.GetNumberOfPixels()) for level in LEVELS]
    method = coarse_to_fine(shares, [level / 2 if level > 1 else 0 for level in LEVELS])
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    return method


def _motion(transform: Any, still: sitk.Image) -> tuple[float, float]:
    """The angle in degrees, and how far the centre of `still` is moved, in mm."""
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    angle = float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))
    centre = center_of(still)
    return angle, float(np.linalg.norm(np.subtract(transform.TransformPoint(centre), centre)))


def _candidates(result: Volume, scan: Volume | None) -> list[tuple[str, Array, float]]:
    """Names, voxels on the result's grid, and the seconds they took here."""
    found = [("result", result.array.astype(np.float32), 0.0)]
    for kind in KINDS if scan is not None else ():
        assert scan is not None
        started = time.perf_counter()
        found.append(
            (kind, interpolate(scan.array, scan.grid, result.grid, kind), time.perf_counter() - started)
        )
    return found


def _fitted(array: Array, truth: Array, inside: NDArray[np.bool_]) -> Array:
    """a·array + b as near to the truth as can be in the head; 0 where there is no truth."""
    head = inside & (truth > HEAD)
    slope, offset = np.polyfit(array[head].astype(np.float64), truth[head].astype(np.float64), 1)
    return np.asarray(np.where(inside, np.float32(slope) * array + np.float32(offset), 0), dtype=np.float32)
