"""``slicer.app``: the part of qSlicerApplication that scripted modules and slicer.util call."""

import sys
import tempfile

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from .layoutmanager import LayoutManager


class SignalsByName:
    """PythonQt's ``object.connect("signal()", function)``."""

    def __init__(self) -> None:
        self._slots: dict[str, list] = {}

    def connect(self, signal: str, slot) -> None:
        self._slots.setdefault(signal, []).append(slot)

    def disconnect(self, signal: str, slot) -> None:
        if slot in self._slots.get(signal, []):
            self._slots[signal].remove(slot)

    def emit(self, signal: str, *arguments) -> None:
        """As PythonQt does: what goes wrong in a slot is printed, and the next one is called."""
        for slot in list(self._slots.get(signal, [])):
            try:
                slot(*arguments)
            except Exception:
                sys.excepthook(*sys.exc_info())


class ModuleManager(SignalsByName):
    def __init__(self) -> None:
        super().__init__()
        self.modules: dict[str, object] = {}

    def module(self, name: str):
        return self.modules.get(name)


class Application(SignalsByName):
    applicationName = "Slicer"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"

    def __init__(self, slicerApp, temporaryPath: str | None = None) -> None:
        super().__init__()
        self.slicerApp = slicerApp
        self.temporaryPath = temporaryPath or tempfile.mkdtemp(prefix="slicerhost-")
        self.testing = True
        self._moduleManager = ModuleManager()
        self._layoutManager = LayoutManager(slicerApp)
        self.majorVersion, self.minorVersion = 5, 12
        self.hasMainWindow = True

    def testingEnabled(self) -> bool:
        return self.testing

    def layoutManager(self) -> LayoutManager | None:
        """None in a Slicer without its main window."""
        return self._layoutManager if self.hasMainWindow else None

    def moduleManager(self) -> ModuleManager:
        return self._moduleManager

    def applicationLogic(self):
        return self.slicerApp.app_logic

    def pauseRender(self) -> None:
        """Nothing is drawn here before a picture is taken."""

    def resumeRender(self) -> None:
        """See ``pauseRender``."""

    def processEvents(self, *_) -> None:
        QApplication.processEvents()

    def topLevelWidgets(self) -> list:
        return QApplication.topLevelWidgets()

    def setOverrideCursor(self, cursor) -> None:
        QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        QApplication.restoreOverrideCursor()

    def userSettings(self) -> QSettings:
        return QSettings()

    settings = userSettings
