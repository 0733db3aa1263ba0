"""What rigid registrations by SimpleITK share: coarse to fine, by gradient descent, told of and stopped like everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled
from ..progress import Monitor

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

LEVELS = (4, 2, 1)
"""Voxels that are taken as one, from coarse to fine."""

ITERATIONS = 100
"""Steps at each level, at most."""


def coarse_to_fine(shares: Sequence[float], smoothing: Sequence[float]) -> Any:
    """A registration that lacks its metric and where to begin.

    Args:
        shares: of the voxels that are compared at each of `LEVELS`.
        smoothing: standard deviation of the Gaussian at each, in voxels.
    """
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    method.SetMetricSamplingPercentagePerLevel(list(shares), seed=1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, ITERATIONS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(LEVELS)
    method.SetSmoothingSigmasPerLevel(list(smoothing))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    return method


def metric_at(method: Any, fixed: sitk.Image, moving: sitk.Image, transform: Any) -> float:
    """The metric where a transform places the moving image, less for more alike; infinite where the two do not overlap."""
    method.SetInitialTransform(transform, inPlace=False)
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return float("inf")


def execute(method: Any, fixed: sitk.Image, moving: sitk.Image, monitor: Monitor) -> None:
    """Register; a lack of overlap on the way is told, and the transform is left where it was."""
    import SimpleITK as sitk  # noqa: N813

    total, done = len(LEVELS) * ITERATIONS, 0

    def watch() -> None:
        nonlocal done
        done += 1
        monitor.progress("registration", min(done, total), total)
        try:
            monitor.cancel.check()
        except Cancelled:  # no exception travels through ITK: it is raised again once that has stopped
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, watch)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as error:
        monitor.log(f"The registration gave up ({str(error).splitlines()[-1].strip()}).")
    monitor.cancel.check()


def center_of(image: sitk.Image) -> Any:
    """The middle of an image, in ITK's coordinates."""
    return image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
