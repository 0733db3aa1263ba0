"""Volumes as SimpleITK's images and back: their geometry is LPS, ours RAS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813 - the name everybody uses

COLOR = "The scan has several values per voxel (color or vectors); convert it to a magnitude image first."

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def from_itk(image: sitk.Image) -> Volume:
    """A SimpleITK image (LPS) as a volume (RAS)."""
    import SimpleITK as sitk  # noqa: N813

    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(COLOR)
    dimension = image.GetDimension()
    array = three_axes(sitk.GetArrayViewFromImage(image).transpose().copy())
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    affine = np.eye(4)
    n = min(dimension, 3)
    affine[:n, :n] = direction[:n, :n] * np.array(image.GetSpacing())[:n]
    affine[:n, 3] = image.GetOrigin()[:n]
    return Volume(array, LPS_TO_RAS @ affine)


def to_itk(array: NDArray[Any], affine: NDArray[np.float64]) -> sitk.Image:
    """Voxels (i, j, k) and their RAS affine as a SimpleITK image (LPS)."""
    import SimpleITK as sitk  # noqa: N813

    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose()))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def three_axes(array: NDArray[Any]) -> NDArray[Any]:
    """`array` with a third axis if it is a single 2-D image, and without trailing axes of length 1 beyond the third."""
    if array.ndim == 2:
        return array[:, :, None]
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    return array
