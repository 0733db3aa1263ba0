"""Loading a scripted module file as qSlicerScriptedLoadableModule does: module, widget, logic, enter, exit, reload."""

import importlib.util
import sys
from pathlib import Path

import slicer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from .features import moduleNamesUnder, speakPythonQt
from .qmrmlwidgets import qMRMLWidget
from .uiloader import CUSTOM_WIDGETS


class ModuleParent:
    """What Slicer hands to the module class: the properties to fill in, and the way to its widget."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.name = path.stem
        self.dependencies: list[str] = []
        self._representation: WidgetParent | None = None

    def widgetRepresentation(self) -> "WidgetParent":
        if self._representation is None:
            self._representation = WidgetParent(self)
        return self._representation

    def logic(self):
        return None

    def discard(self) -> None:
        if self._representation is not None:
            self._representation.discard()
            self._representation = None


class WidgetParent(qMRMLWidget):
    """qSlicerScriptedLoadableModuleWidget."""

    def __init__(self, module: ModuleParent) -> None:
        super().__init__()
        self.module = module
        self.isEntered = False
        self.setLayout(QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def reload(self) -> None:
        script = sys.modules[self.module.name]
        self.widget = getattr(script, self.module.name + "Widget")(self)
        setattr(slicer.modules, self.module.name + "Widget", self.widget)
        self.widget.setup()

    def self(self):
        return self.widget

    def enter(self) -> None:
        self.isEntered = True
        self.widget.enter()

    def exit(self) -> None:
        self.isEntered = False
        self.widget.exit()

    def discard(self) -> None:
        slicer.app.moduleManager().emit("moduleAboutToBeUnloaded(QString)", self.module.name)
        for child in self.findChildren(QWidget):
            if isinstance(child, tuple(CUSTOM_WIDGETS.values())) and hasattr(child, "setMRMLScene"):
                child.setMRMLScene(None)  # or it would follow the scene for ever
        self.close()
        self.deleteLater()
        delattr(slicer.modules, self.module.name + "Widget")


def loadModule(path: Path) -> ModuleParent:
    """Run the module file and make its module object; the widget is made when it is first asked for, as in Slicer."""
    folder = path.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    speakPythonQt(*moduleNamesUnder(folder))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = script
    spec.loader.exec_module(script)
    parent = ModuleParent(path)
    parent.instance = getattr(script, path.stem)(parent)
    setattr(slicer.modules, path.stem.lower(), parent)
    slicer.app.moduleManager().modules[path.stem] = parent
    slicer.app.emit("startupCompleted()")
    return parent
