"""Starting and stopping the stand-in."""

import atexit
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

_host: "Host | None" = None


def start() -> "Host":
    """Start the stand-in once per process; later calls return the same host."""
    global _host
    if _host is None:
        _host = Host()
    return _host


class Host:
    """The running stand-in: one QApplication, one MRML scene, ``slicer``/``qt``/``ctk`` importable."""

    module = None
    _stopsAtExit = False

    def __init__(self) -> None:
        from PySide6.QtWidgets import QApplication

        self.qtApplication = QApplication.instance() or QApplication(["slicerhost"])
        self.qtApplication.organizationName = "MRISuperResolutionTesting"
        self.qtApplication.applicationName = f"slicerhost-{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="slicerhost-"))
        self._isolateSettings()
        self._makePythonSlicer()
        self._installModules()

    def _isolateSettings(self) -> None:
        from PySide6.QtCore import QSettings

        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(
            QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(self.folder / "settings")
        )

    def _makePythonSlicer(self) -> None:
        """A launcher with a real child, as Slicer's PythonSlicer is: killing it alone leaves the child alive."""
        folder = self.folder / "bin"
        folder.mkdir()
        launcher = folder / "PythonSlicer"
        launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n')
        launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def _installModules(self) -> None:
        import slicer
        from trame_slicer.core import SlicerApp

        self.slicerApp = SlicerApp()
        self._quietVtk()
        slicer.mrmlScene = self.slicerApp.scene
        for node in (slicer.vtkMRMLSelectionNode(), slicer.vtkMRMLInteractionNode()):
            node.SetSingletonTag("Singleton")
            slicer.mrmlScene.AddNode(node)
        slicer.modules, slicer.selfTests = SimpleNamespace(), {}
        for name in ("segmentations", "volumes"):
            logic = getattr(self.slicerApp, f"{name}_logic")
            setattr(slicer.modules, name, SimpleNamespace(logic=lambda logic=logic: logic))
        self._installQt()
        from . import dicom, i18n, parameternode, scriptedmodule
        from .application import Application
        from .plotview import PlotsModule

        temporary = self.folder / "temporary"
        temporary.mkdir()
        slicer.app = Application(self.slicerApp, str(temporary))
        for name, source in (
            ("i18n", i18n),
            ("parameterNodeWrapper", parameternode),
            ("ScriptedLoadableModule", scriptedmodule),
        ):
            self._add(f"slicer.{name}", source.build())
        self._add("DICOMLib", dicom.build())
        slicer.modules.plots = PlotsModule(slicer.mrmlScene, self.slicerApp.app_logic)
        self.become("5.12")

    def become(self, version: str) -> None:
        """Be Slicer 5.10 or 5.12 from now on, as far as a module can tell: version, ``slicer.packaging``, Sample Data."""
        import slicer

        from . import packaging, sampledata

        slicer.app.majorVersion, slicer.app.minorVersion = map(int, version.split("."))
        self._add("SampleData", sampledata.build(version))
        sys.modules.pop("slicer.packaging", None)
        if hasattr(slicer, "packaging"):
            del slicer.packaging
        if version != "5.10":
            self._add("slicer.packaging", packaging.build())

    @staticmethod
    def _quietVtk() -> None:
        """Errors are still logged; the warnings about a missing X server and the like are not news here."""
        import vtk

        vtk.vtkOutputWindow.GetInstance().SetDisplayModeToNever()
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)

    def _installQt(self) -> None:
        from . import ctkmodule, qmrmlwidgets, qtmodule, tableview  # noqa: F401 - the widgets register themselves
        from .features import speakPythonQt

        self._add("qt", qtmodule.build())
        self._add("ctk", ctkmodule.build())
        qmrmlwidgets.install()
        speakPythonQt("slicer.util")

    @staticmethod
    def _add(name: str, module: ModuleType) -> None:
        import slicer

        sys.modules[name] = module
        if name.startswith("slicer."):
            setattr(slicer, name.removeprefix("slicer."), module)

    def loadModule(self, path: Path):
        from .modules import loadModule

        return loadModule(path)

    def stopAtExit(self) -> None:
        """Stop once, when the interpreter ends and before Qt's own clean-up."""
        if not self._stopsAtExit:
            self._stopsAtExit = True
            atexit.register(self.stop)

    def stop(self) -> None:
        """Close every window and the application by hand: shiboken can abort when left to do it at exit."""
        if self.module is not None:
            self.module.discard()
        for widget in self.qtApplication.topLevelWidgets():
            widget.close()
            widget.deleteLater()
        self.qtApplication.processEvents()
        shutil.rmtree(self.folder, ignore_errors=True)
