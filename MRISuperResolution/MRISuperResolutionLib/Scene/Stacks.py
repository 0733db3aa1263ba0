"""Other stacks of a scan's subject among the volumes of the scene, and what one says of a result."""

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrisr.fusion.field import covered_share
from mrisr.fusion.suitability import OVERLAP, PARALLEL
from mrisr.fusion.witnessing import normal_of

from . import ColorTables, Records, Refusals, VolumeBridge

AGREEMENT = "MRISuperResolutionAgreement"
SENTENCE = "MRISuperResolution.witness"


def crossing(scan, other) -> bool:
    """Whether a volume may be another stack of a scan's subject: measured, near it, cut in another direction, under the same transform."""
    if other is scan or Records.provenanceOf(other) or Refusals.ofInput(scan) or Refusals.ofInput(other):
        return False
    grids = VolumeBridge.gridOf(scan), VolumeBridge.gridOf(other)
    normals = [normal_of(grid, np.eye(4)) for grid in grids]
    if normals[1] is None or scan.GetParentTransformNode() is not other.GetParentTransformNode():
        return False
    if normals[0] is not None and abs(float(normals[0] @ normals[1])) > PARALLEL:
        return False
    return covered_share(*grids, np.eye(4)) > max(OVERLAP, 0.2)


def suggested(scan) -> Any:
    """The first volume of the scene that may be another stack of a scan's subject; None without one."""
    if scan is None:
        return None
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return next((node for node in volumes if crossing(scan, node)), None)


def sentenceOf(result) -> str:
    """What another stack said of a result; empty if none was asked, or the map that goes with it is gone."""
    asked = result.GetNodeReference(AGREEMENT) is not None
    return (result.GetAttribute(SENTENCE) or "") if asked else ""


def addAgreement(result, stack, fill, sentence: str):
    """The map of where a stack confirms a result, beside the result, which refers to it; that of an earlier check gives way.

    :param fill: called with a node, puts voxels and geometry into it.
    """
    node = result.GetNodeReference(AGREEMENT) or VolumeBridge.addNode(
        _("{result} confirmed by {stack}").format(result=result.GetName(), stack=stack.GetName())
    )
    fill(node)
    VolumeBridge.inherit(node, result)
    result.SetNodeReferenceID(AGREEMENT, node.GetID())
    result.SetAttribute(SENTENCE, sentence)
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetAndObserveColorNodeID(ColorTables.agreement().GetID())
    display.SetWindowLevel(2.0, 0.0)
    display.ApplyThresholdOff()
    return node
