"""A map laid over the slice views, and the way back to what was there."""

import slicer


class Overlay:
    """Puts a volume in front of all slice views. What was in front before comes back with ``hide``."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[str | None, float]] = {}

    def shows(self, node) -> bool:
        """Whether a view has the volume in front; views that others have changed since do not."""
        return node is not None and any(view.GetForegroundVolumeID() == node.GetID() for view in _views())

    def show(self, node, opacity: float = 1.0) -> None:
        """Lay the volume over whatever the views show.

        :param opacity: beside its own; less than 1 for a map that covers whole regions, so that anatomy is seen through it.
        """
        with _Unlinked():
            for view in _views():
                self._before.setdefault(
                    view.GetID(), (view.GetForegroundVolumeID(), view.GetForegroundOpacity())
                )
                view.SetForegroundVolumeID(node.GetID())
                view.SetForegroundOpacity(opacity)

    def hide(self, node) -> None:
        """Take the volume away from the views that still show it."""
        with _Unlinked():
            for view in _views():
                if node is not None and view.GetForegroundVolumeID() == node.GetID():
                    volume, opacity = self._before.get(view.GetID(), (None, 0.0))
                    view.SetForegroundVolumeID(volume)
                    view.SetForegroundOpacity(opacity)
        self._before = {}

    def forget(self) -> None:
        """The scene closes: nothing to bring back."""
        self._before = {}


class _Unlinked:
    """Linked views would take over each other's volumes while they are changed one by one."""

    def __enter__(self) -> None:
        self._links = [(view, view.GetLinkedControl(), view.GetHotLinkedControl()) for view in _views()]
        for view, _linked, _hot in self._links:
            view.SetLinkedControl(False)
            view.SetHotLinkedControl(False)

    def __exit__(self, *_error) -> None:
        for view, linked, hot in self._links:
            view.SetLinkedControl(linked)
            view.SetHotLinkedControl(hot)


def jumpTo(position) -> None:
    """Center all slices on a place (world coordinates, mm) and mark it with the crosshair."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(
        slicer.mrmlScene, *position, slicer.vtkMRMLSliceNode.CenteredJumpSlice
    )
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is not None:
        crosshair.SetCrosshairRAS(position)
        if crosshair.GetCrosshairMode() == slicer.vtkMRMLCrosshairNode.NoCrosshair:
            crosshair.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.ShowSmallBasic)


def _views() -> list:
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
