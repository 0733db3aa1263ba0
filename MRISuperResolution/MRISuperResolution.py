"""MRISuperResolution: turns a low-resolution or thick-slice MRI into a finer volume with a model the user chooses.

This file holds the classes that Slicer looks for. The work is done in MRISuperResolutionLib (Slicer side) and mrisr (engine).
"""

import sys
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

PYTHON = (3, 11)
"""What the library and the engine are written for; Slicer 5.10 was the first with it or a later one."""


def _refusal():
    """Why nothing can run in this Slicer; empty if all can."""
    if sys.version_info >= PYTHON:
        return ""
    return _(
        "MRI Super-Resolution needs 3D Slicer 5.10 or later; install a newer Slicer from https://download.slicer.org."
    )


class MRISuperResolution(ScriptedLoadableModule):
    """What the module is."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MRI Super-Resolution")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering")]
        self.parent.dependencies = []
        self.parent.contributors = ["MRISuperResolution contributors"]
        self.parent.helpText = _(
            "Turns a low-resolution or thick-slice MRI scan into a volume with finer voxels, with a model of your choice, and "
            "shows both side by side. Research use only: enhanced detail is estimated, not measured."
        )
        self.parent.acknowledgementText = _(
            "Each model's card names its sources and the scans it was trained on."
        )
        slicer.app.connect("startupCompleted()", self.registerSampleData)
        slicer.app.connect("startupCompleted()", self.removeLeftFiles)

    def removeLeftFiles(self):
        """Remove what earlier sessions left behind that died during a run."""
        if _refusal():
            return
        from MRISuperResolutionLib.System import JobFolder

        JobFolder.removeLeft(slicer.app.temporaryPath)

    def registerSampleData(self):
        """Add the module's entries to the Sample Data module."""
        if _refusal():
            return
        from MRISuperResolutionLib.Scene import Samples

        Samples.register(str(Path(__file__).parent / "Resources" / "Icons" / "MRISuperResolution.png"))


class MRISuperResolutionWidget(ScriptedLoadableModuleWidget):
    """The module's panel; MRISuperResolutionLib.Widget does the work."""

    panel = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        if _refusal():
            label = qt.QLabel(_refusal())
            label.wordWrap = True
            self.layout.addWidget(label)
            return
        from MRISuperResolutionLib.System.Dependencies import Dependencies
        from MRISuperResolutionLib.System.ModelStore import ModelStore
        from MRISuperResolutionLib.Widget import Widget

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/MRISuperResolution.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = MRISuperResolutionLogic()
        self.panel = Widget(
            self.ui, self.logic.getParameterNode, self.logic.core, ModelStore(), Dependencies()
        )
        self.panel.enter()  # Slicer does not enter a module that it has reloaded

    def enter(self):
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self):
        if self.panel is not None:
            self.panel.cleanup()

    def onReload(self):
        """Reload the library and the engine along with this file."""
        for name in [
            name for name in sys.modules if name.split(".")[0] in ("MRISuperResolutionLib", "mrisr")
        ]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class MRISuperResolutionLogic(ScriptedLoadableModuleLogic):
    """For scripts: ``MRISuperResolutionLogic().process(volumeNode, model="auto", isotropic=True)``."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        if _refusal():
            raise RuntimeError(_refusal())
        from MRISuperResolutionLib.Logic import Logic

        self.core = Logic()

    def getParameterNode(self):
        """The scene's settings of this module, made if need be."""
        from MRISuperResolutionLib.Scene.ParameterNode import MRISuperResolutionParameterNode

        return MRISuperResolutionParameterNode(super().getParameterNode())  # type: ignore[call-arg]  # its wrapper takes the node

    def process(self, inputVolume, outputVolume=None, model="cubic", **settings):
        """Enhance a volume here and now and return the result's node; see MRISuperResolutionLib.Logic.process."""
        return self.core.process(inputVolume, outputVolume, model, **settings)

    def fuse(self, volumes, outputVolume=None, **settings):
        """Fuse thick scans of one subject into one volume and return its node; see MRISuperResolutionLib.Logic.fuse."""
        return self.core.fuse(volumes, outputVolume, **settings)

    def provenance(self, node):
        """How a volume was made: model, reason, settings, software, scan; see MRISuperResolutionLib.Logic.provenance."""
        return self.core.provenance(node)

    def trust(self, result):
        """How far a result can be believed: its verdict, residual and spread; see MRISuperResolutionLib.Logic.trust."""
        return self.core.trust(result)

    def spreadIn(self, result, region, segment="", **settings):
        """Whether the spread of a result is high in a Markups ROI or a segment; see MRISuperResolutionLib.Logic.spreadIn."""
        return self.core.spreadIn(result, region, segment, **settings)

    def tryModels(self, volume, models=None, **settings):
        """Which model restores this scan best, as a table node; see MRISuperResolutionLib.Examine.tryModels."""
        from MRISuperResolutionLib import Examine

        return Examine.tryModels(volume, models, **settings)

    def compareWithReference(self, result, reference, scan=None):
        """How near a result comes to a good scan of the same subject; see MRISuperResolutionLib.Examine."""
        from MRISuperResolutionLib import Examine

        return Examine.compareWithReference(result, reference, scan)

    def witness(self, result, stack, scan=None, **settings):
        """Which share of the added detail another stack of the same subject confirms; see MRISuperResolutionLib.Examine.witness."""
        from MRISuperResolutionLib import Examine

        return Examine.witness(result, stack, scan, **settings)

    def profile(self, line, scan=None, result=None, reference=None, show=True):
        """Intensities along a Markups line, as a chart; see MRISuperResolutionLib.Examine.profile."""
        from MRISuperResolutionLib import Examine

        return Examine.profile(line, scan, result, reference, show)

    def report(self, result, path, scan=None, patient=None):
        """One HTML page about a result; see MRISuperResolutionLib.Examine.report."""
        from MRISuperResolutionLib import Examine

        return Examine.report(result, path, scan, patient)

    def exportDicom(self, result, folder, scan=None, source=None):
        """A result as a derived DICOM series; see MRISuperResolutionLib.Examine.exportDicom."""
        from MRISuperResolutionLib import Examine

        return Examine.exportDicom(result, folder, scan, source)


class MRISuperResolutionTest(ScriptedLoadableModuleTest):
    """Runs headless inside Slicer and needs no download."""

    def runTest(self):
        from MRISuperResolutionLib import SelfTest

        SelfTest.run()
