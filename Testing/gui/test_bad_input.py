"""What a clinician may do wrong, or a computer lack: one sentence each, a clean end, and no traceback in Slicer's Python console."""

import errno
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from gui.scans import head

pytestmark = pytest.mark.usefixtures("console")


def sentenceOf(panel) -> str:
    """What the panel says while Apply cannot be pressed."""
    panel.events()
    assert not panel.ui.applyButton.enabled
    assert panel.status.endswith(".")
    return panel.status


def testNoVolume(panel):
    assert sentenceOf(panel) == "Choose an input volume."


def testALabelMap(panel, scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Segments")
    panel.parameters.inputVolume = node
    assert "is a label map" in sentenceOf(panel)


def testASequenceInTheSceneIsNoVolumeButItsProxyIs(panel, scene):
    import slicer

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    frame = head("Frame")
    sequence.SetDataNodeAtValue(frame, "0")
    scene.RemoveNode(frame)
    assert sentenceOf(panel) == "Choose an input volume."
    proxy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Cine")
    proxy.Copy(sequence.GetNthDataNode(0))
    panel.ui.inputSelector.setCurrentNode(proxy)
    panel.pick("cubic")
    assert panel.ui.applyButton.enabled, panel.status
    assert slicer.util.getNode("Cine") is not None


def testATinyRegion(panel, scene):
    panel.ui.inputSelector.setCurrentNode(head())
    panel.pick("cubic")
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Speck")
    roi.SetCenterWorld((0.0, 0.0, 3.0))
    roi.SetSizeWorld((20.0, 20.0, 0.5))
    panel.ui.regionSelector.setCurrentNode(roi)
    assert "only one voxel thick along S–I; make it larger" in sentenceOf(panel)
    roi.SetSizeWorld((20.0, 20.0, 20.0))
    panel.waitUntil(lambda: panel.ui.applyButton.enabled)


def testTheInputAsOutput(panel):
    panel.ui.inputSelector.setCurrentNode(head())
    panel.ui.outputSelector.setCurrentNode(panel.parameters.inputVolume)
    assert "would overwrite the input" in sentenceOf(panel)


@pytest.fixture
def network(panel, monkeypatch):
    """A model that needs packages, on a computer with PyTorch but without MONAI."""
    from MRISuperResolutionLib.System import Dependencies

    monkeypatch.setattr(Dependencies, "isInstalled", lambda name: name != "safetensors")
    panel.ui.inputSelector.setCurrentNode(head())
    panel.pick("edsr3d-thick")
    return panel


def ended(panel) -> str:
    """The sentence after a run that could not start: nothing runs, nothing is left, Apply can be pressed again."""
    panel.click("applyButton")
    panel.finish()
    assert panel.temporaryFiles == []
    assert panel.ui.applyButton.isVisibleTo(panel.parent)
    assert panel.ui.applyButton.enabled
    return panel.status


def installer(monkeypatch, install) -> None:
    """Slicer 5.12's packaging with a pip_ensure of ours."""
    import slicer

    monkeypatch.setattr(slicer.packaging, "pip_ensure", install)


def testDeclinedPackages(network, monkeypatch):
    def decline(*_arguments, **_keywords):
        raise RuntimeError("User declined package installation")

    installer(monkeypatch, decline)
    assert ended(network).startswith(
        "This cannot run without safetensors>=0.4. Start it again to install, or choose an interpolation"
    )


def testSlicersTestingModeWhereNothingIsInstalled(network, monkeypatch):
    installer(monkeypatch, lambda *_arguments, **_keywords: None)
    assert ended(network).startswith("This cannot run without safetensors>=0.4.")


def testNoNetwork(network, monkeypatch):
    def fail(*_arguments, **_keywords):
        raise subprocess.CalledProcessError(1, ["pip", "install", "safetensors"])

    installer(monkeypatch, fail)
    assert "Check the internet connection" in ended(network)


def testNoPyTorchExtension(network, monkeypatch):
    from MRISuperResolutionLib.System import Dependencies

    monkeypatch.setattr(Dependencies, "isInstalled", lambda name: name != "torch")
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    assert "needs the PyTorch extension" in ended(network)


def testDeclinedPyTorch(network, monkeypatch):
    from MRISuperResolutionLib.System import Dependencies

    utils = ModuleType("PyTorchUtils")
    utils.PyTorchUtilsLogic = lambda: SimpleNamespace(installTorch=lambda **_keywords: None)
    monkeypatch.setattr(Dependencies, "isInstalled", lambda name: name != "torch")
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utils)
    assert ended(network).startswith("This cannot run without torch>=2.8.")


@pytest.mark.parametrize("where", ["folder", "input"])
def testNoDisk(panel, monkeypatch, where):
    from MRISuperResolutionLib.Scene import VolumeBridge
    from MRISuperResolutionLib.System import JobFolder

    def full(*_arguments, **_keywords):
        raise OSError(errno.ENOSPC, "No space left on device")

    panel.ui.inputSelector.setCurrentNode(head())
    panel.pick("cubic")
    if where == "folder":
        monkeypatch.setattr(JobFolder.tempfile, "mkdtemp", full)
    else:
        monkeypatch.setattr(VolumeBridge, "write", full)
    assert "No space left on device" in ended(panel)
    assert "Make room on the disk" in panel.status


def testAScanThatTheEngineRefuses(panel):
    import slicer

    labels = np.zeros((16, 16, 16), np.int16)
    labels[4:12, 4:12, 4:12] = 1
    panel.ui.inputSelector.setCurrentNode(slicer.util.addVolumeFromArray(labels, name="Looks like labels"))
    panel.pick("cubic")
    panel.click("applyButton")
    panel.finish()
    assert "looks like a label map" in panel.status


@pytest.mark.parametrize("call", ["process", "tryModels"])
def testTheConsoleIsToldWhatIsMissing(network, monkeypatch, call):
    """For scripts an error is an exception; it carries the same sentence."""
    from MRISuperResolutionLib.System.Dependencies import DependencyError

    installer(monkeypatch, lambda *_arguments, **_keywords: None)
    logic, scan = network.parent.widget.logic, network.parameters.inputVolume
    with pytest.raises(DependencyError, match="cannot run without safetensors"):
        {
            "process": lambda: logic.process(scan, model="edsr3d-thick"),
            "tryModels": lambda: logic.tryModels(scan, ["edsr3d-thick"]),
        }[call]()
    assert logic.process(scan, model="cubic", factor=2) is not None
