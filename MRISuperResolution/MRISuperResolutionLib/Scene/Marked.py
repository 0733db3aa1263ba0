"""What the user has marked, a Markups ROI or a segment, as the voxels of a volume inside it."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrisr.image.metrics import HEAD
from mrisr.trust.spread_verdict import high_share

from . import Region, VolumeBridge


def segmentsOf(node) -> list[tuple[str, str]]:
    """IDs and names of the segments of a segmentation; none of any other node."""
    if node is None or not node.IsA("vtkMRMLSegmentationNode"):
        return []
    segmentation = node.GetSegmentation()
    return [(name, segmentation.GetSegment(name).GetName()) for name in segmentation.GetSegmentIDs()]


def segmentNamed(node, name: str) -> str:
    """The ID of a segment, by its name or ID; of the first one without a name, empty for a node that is no segmentation.

    :raises ValueError: there is no such segment.
    """
    segments = segmentsOf(node)
    found = [segment for segment, title in segments if name in ("", segment, title)]
    if not found and node.IsA("vtkMRMLSegmentationNode"):
        raise ValueError(_("{node} has no segment {name}.").format(node=node.GetName(), name=name))
    return found[0] if found else ""


def valuesIn(region, segment: str, volume) -> np.ndarray:
    """The volume's values at the voxel centers inside the region, (n,); parent transforms of both nodes count.

    :param segment: ID of the segment, where the region is a segmentation.
    """
    if region.IsA("vtkMRMLSegmentationNode"):
        if not segment:
            return np.empty(0, np.float32)
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(region, segment, volume)
        return slicer.util.arrayFromVolume(volume)[mask > 0]
    return _inBox(region, volume)


def spreadInHead(trust) -> np.ndarray:
    """The spread of a result where it is not air, (n,); everywhere if its spread lies on another grid.

    :param trust: ``Maps.Trust`` of a result that has a spread map.
    """
    spread, result = (slicer.util.arrayFromVolume(node) for node in (trust.spread, trust.result))
    if result.shape != spread.shape:
        return spread.ravel()
    return spread[result > HEAD * trust.brightness]


def usualShare(trust, high: float) -> float:
    """The part of the head whose spread is high, that is more than this fraction of the brightness."""
    return high_share(spreadInHead(trust), trust.brightness, high)


def _inBox(roi, volume) -> np.ndarray:
    box = Region.boxOf(roi, volume)
    if box is None:
        return np.empty(0, np.float32)
    low, high = box
    index = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1).reshape(-1, 3)
    homogeneous = np.column_stack([index, np.ones(len(index))])
    place = homogeneous @ np.linalg.inv(Region.worldToIjk(volume) @ _objectToWorld(roi)).T
    inside = (np.abs(place[:, :3]) <= np.array(roi.GetSize()) / 2 + 1e-6).all(axis=1)
    return VolumeBridge.volumeFromNode(volume).array[tuple(index[inside].T)]


def _objectToWorld(roi) -> np.ndarray:
    return slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix())
