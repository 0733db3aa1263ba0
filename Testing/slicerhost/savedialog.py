"""What Slicer's dialog for saving does when the user presses Save: a file for each node that it lists, then the scene."""

from pathlib import Path

import slicer


def save(scene, path: Path) -> None:
    """Hidden nodes are not listed, so that they are in the scene file alone, without their data."""
    scene.SetRootDirectory(str(path.parent))
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if node.GetSaveWithScene() and not node.GetHideFromEditors():
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
            storage.SetFileName(
                str(path.with_name(f"{node.GetName()}.{storage.GetDefaultWriteFileExtension()}"))
            )
            assert storage.WriteData(node), node.GetName()
    scene.SetURL(str(path))
    scene.Commit()


def reopen(scene, path: Path) -> None:
    """Open a scene file in a Slicer that was started anew: it has no singletons of the module."""
    scene.Clear(0)
    for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if node.GetType() == node.User:
            scene.RemoveNode(node)
    scene.SetURL(str(path))
    scene.Connect()
