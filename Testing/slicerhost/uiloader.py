"""QUiLoader that knows the Slicer widgets and makes the MRML scene connections written in the ``.ui`` file."""

import functools
from pathlib import Path
from xml.etree import ElementTree as ET

from PySide6 import QtCore, QtUiTools, QtWidgets

CUSTOM_WIDGETS: dict[str, type[QtWidgets.QWidget]] = {}


def customWidget(cls: type[QtWidgets.QWidget]) -> type[QtWidgets.QWidget]:
    CUSTOM_WIDGETS[cls.__name__] = cls
    return cls


class UiLoader(QtUiTools.QUiLoader):
    """The widgets are kept by ``created`` for as long as the loaded panel lives: Python owns half of each."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[QtWidgets.QWidget] = []

    def createWidget(self, className, parent=None, name=""):
        if className in CUSTOM_WIDGETS:
            widget = CUSTOM_WIDGETS[className](parent)
            widget.objectName = name
        else:
            widget = super().createWidget(className, parent, name)
            if widget is None:
                raise RuntimeError(
                    f"The .ui file names the widget class {className}, which the stand-in lacks"
                )
        self.created.append(widget)
        return widget

    def load(self, device, parent=None):
        path = Path(device.fileName())
        device.close()
        form, connections = _parted(path, path.stat().st_mtime_ns)
        buffer = QtCore.QBuffer()
        buffer.setData(form)
        panel = super().load(buffer, parent)
        panel.createdWidgets = self.created
        for connection in connections:
            self._connectScene(panel, connection)
        return panel

    @staticmethod
    def _connectScene(panel, connection) -> None:
        sender, signal, receiver, slot = (
            connection.findtext(tag) for tag in ("sender", "signal", "receiver", "slot")
        )
        if (signal, slot) != ("mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)"):
            raise RuntimeError(f"The stand-in does not know the connection {signal} -> {slot}")
        if sender != panel.objectName:
            raise RuntimeError(f"The scene comes from {panel.objectName}, not from {sender}")
        target = panel.findChild(QtWidgets.QWidget, receiver)
        if target is None:
            raise RuntimeError(f"The .ui file connects the scene to {receiver}, which does not exist")
        panel.mrmlSceneChanged.connect(target.setMRMLScene)


@functools.cache
def _parted(path: Path, _written: int) -> tuple[bytes, list[ET.Element]]:
    """A form without its MRML connections, whose C++ signatures Qt cannot match to Python widgets, and these."""
    root = ET.parse(path).getroot()
    connections = root.find("connections")
    if connections is not None:
        root.remove(connections)
    for widget in root.iter("widget"):
        for entry in widget.findall("property"):
            # ctk's flags are C++ types; the folder choosers here choose folders whatever the flags say.
            if (entry.findtext("set") or "").startswith("ctk"):
                widget.remove(entry)
    return ET.tostring(root), list(connections if connections is not None else ())
