"""Between Slicer's volume nodes and the engine's volumes.

Slicer shows voxels as (k, j, i) and the engine as (i, j, k); both place them in RAS, in mm, at voxel centers.
"""

import json
from typing import Any

import numpy as np
import slicer
import vtk

from mrisr.grid import Grid
from mrisr.volume import Volume

ATTRIBUTE_PREFIX = "MRISuperResolution."


def affineOf(node) -> np.ndarray:
    """(4, 4) voxel index to RAS, before any parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def gridOf(node) -> Grid:
    """Where the node's voxels are, without touching them."""
    return Grid(tuple(node.GetImageData().GetDimensions()), affineOf(node))


def volumeFromNode(node) -> Volume:
    """The node's voxels, not copied, and its geometry, before any parent transform."""
    return Volume(slicer.util.arrayFromVolume(node).transpose(2, 1, 0), affineOf(node))


def updateNode(node, volume: Volume) -> None:
    """Put the volume's voxels and geometry into the node."""
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(volume.array.transpose(2, 1, 0)))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.affine))


def addNode(name: str):
    """A new, empty scalar volume node; its name is made unique in the scene."""
    return slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))


def inherit(node, source) -> None:
    """Give a derived volume its source's parent transform, display and place in the subject hierarchy.

    ``DICOM.instanceUIDs`` stays behind: the derived volume is not that acquisition.
    """
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.RemoveAttribute("DICOM.instanceUIDs")
    _copyDisplay(node, source.GetDisplayNode())
    _copyParentItem(node, source)


def describe(node, source, provenance: dict[str, Any]) -> None:
    """Write how the volume came about as node attributes, so that the scene file and the data tree tell."""
    for key, value in {**provenance, "inputNode": source.GetID() or "", "inputName": source.GetName()}.items():
        node.SetAttribute(ATTRIBUTE_PREFIX + key, value if isinstance(value, str) else json.dumps(value))


def provenanceOf(node) -> dict[str, str]:
    """The attributes that ``describe`` wrote."""
    names = [name for name in node.GetAttributeNames() if name.startswith(ATTRIBUTE_PREFIX)]
    return {name.removeprefix(ATTRIBUTE_PREFIX): node.GetAttribute(name) for name in names}


def write(node, path: str) -> None:
    """Write the node's voxels and geometry, before any parent transform, uncompressed."""
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(path)
    storage.SetUseCompression(False)
    if not storage.WriteData(node):
        raise OSError(path)


def read(node, path: str) -> None:
    """Read a file that the engine wrote into the node; no file name or storage node stays with it."""
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(path)
    storage.SetCenterImage(False)
    if not storage.ReadData(node):
        raise OSError(path)


def _copyDisplay(node, source) -> None:
    node.CreateDefaultDisplayNodes()
    if source is None:
        return
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(source.GetWindow(), source.GetLevel())
    display.SetAndObserveColorNodeID(source.GetColorNodeID())
    display.SetInterpolate(source.GetInterpolate())


def _copyParentItem(node, source) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    sourceItem = hierarchy.GetItemByDataNode(source)
    if not sourceItem:
        return
    parent = hierarchy.GetItemParent(sourceItem)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node)
    hierarchy.SetItemParent(item, parent)
