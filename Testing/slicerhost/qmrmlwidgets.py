"""qMRMLWidget, and the place where Slicer shows its qMRML widgets."""

import slicer
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from .uiloader import CUSTOM_WIDGETS, customWidget


@customWidget
class qMRMLWidget(QWidget):
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene) -> None:
        """A scene that is there already is not told of again."""
        if scene is self._scene:
            return
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


def install() -> None:
    """Slicer shows its qMRML widgets as ``slicer.qMRML…``."""
    for name, cls in CUSTOM_WIDGETS.items():
        if name.startswith("qMRML"):
            setattr(slicer, name, cls)
