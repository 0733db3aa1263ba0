"""What a comparison with a reference adds to the scene: the error map and the reference on the result's grid."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrisr.image.metrics import HEAD
from mrisr.image.normalization import Normalization

from . import ColorTables, VolumeBridge

ERROR = "MRISuperResolutionError"
ALIGNED = "MRISuperResolutionAligned"
REFERENCE = "MRISuperResolutionReference"

WINDOW_PERCENTILE = 99.5
"""The color scale ends where so many percent of the errors in the head lie within."""


def add(result, reference, fillError, fillAligned):
    """Two volumes beside the result, which refers to them; those of an earlier comparison give way.

    :param fillError, fillAligned: called with a node, put voxels and geometry into it.
    """
    nodes = []
    for role, name, fill in (
        (ERROR, _("{result} error").format(result=result.GetName()), fillError),
        (ALIGNED, _("{reference} registered").format(reference=reference.GetName()), fillAligned),
    ):
        node = result.GetNodeReference(role) or VolumeBridge.addNode(name)
        fill(node)
        VolumeBridge.inherit(node, result)
        result.SetNodeReferenceID(role, node.GetID())
        nodes.append(node)
    result.SetNodeReferenceID(REFERENCE, reference.GetID())
    _dressError(*nodes)
    _dressAligned(nodes[1], reference)
    return tuple(nodes)


def alignedFor(result, reference):
    """The reference on the result's grid, if the two were compared; the reference itself if not."""
    if result is None or reference is None or result.GetNodeReference(REFERENCE) is not reference:
        return reference
    return result.GetNodeReference(ALIGNED) or reference


def scale(error, aligned) -> float:
    """Where the colors of an error map are full, in the reference's units; the head alone counts."""
    truth = slicer.util.arrayFromVolume(aligned)
    values = np.abs(slicer.util.arrayFromVolume(error))[Normalization.of(truth).apply(truth) > HEAD]
    return float(np.percentile(values, WINDOW_PERCENTILE)) if values.size and values.any() else 1.0


def _dressError(node, aligned) -> None:
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetAndObserveColorNodeID(ColorTables.diverging().GetID())
    display.SetWindowLevel(2 * scale(node, aligned), 0.0)
    display.ApplyThresholdOff()


def _dressAligned(node, reference) -> None:
    """In the gray scale of the reference, whose units it has."""
    source, display = reference.GetDisplayNode(), node.GetDisplayNode()
    if source is not None:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(source.GetWindow(), source.GetLevel())
        display.SetAndObserveColorNodeID(source.GetColorNodeID())
