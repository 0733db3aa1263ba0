"""A Markups ROI as a box of voxels."""

import itertools

import numpy as np
import slicer
import vtk

from . import VolumeBridge

Box = tuple[tuple[int, int, int], tuple[int, int, int]]
"""Half-open, in voxels."""

VOXEL_TOLERANCE = 1e-3
"""Share of a voxel that does not count as touching it: rounding in a chain of transforms."""


def boxOf(roi, volume) -> Box | None:
    """The half-open box of the volume's voxels that the ROI touches; None if they do not meet.

    A rotated ROI gives the box of voxels that encloses it. Parent transforms of both nodes count.
    """
    index = _corners(roi) @ worldToIjk(volume).T
    low = np.floor(index.min(axis=0)[:3] + 0.5 + VOXEL_TOLERANCE).astype(int)
    high = np.ceil(index.max(axis=0)[:3] + 0.5 - VOXEL_TOLERANCE).astype(int)
    shape = np.array(volume.GetImageData().GetDimensions())
    low, high = np.clip(low, 0, shape), np.clip(high, 0, shape)
    return None if (high - low < 1).any() else (tuple(low.tolist()), tuple(high.tolist()))


def fitTo(roi, volume) -> None:
    """Place a new ROI over the central half of the volume."""
    bounds = np.zeros(6)
    volume.GetRASBounds(bounds)
    low, high = bounds[::2], bounds[1::2]
    roi.SetCenterWorld((low + high) / 2)
    roi.SetSizeWorld((high - low) / 2)


def _corners(roi) -> np.ndarray:
    """(8, 4) homogeneous world positions."""
    half = np.array(roi.GetSize()) / 2
    signs = np.array(list(itertools.product((-1, 1), repeat=3)))
    local = np.column_stack([signs * half, np.ones(8)])
    return local @ slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix()).T


def worldToIjk(volume) -> np.ndarray:
    toLocal = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(None, volume.GetParentTransformNode(), toLocal)
    return np.linalg.inv(VolumeBridge.affineOf(volume)) @ slicer.util.arrayFromVTKMatrix(toLocal)
