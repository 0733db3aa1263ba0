"""The panel in the Slicer that exists: without its window, its DICOM module or its packages, in both versions, before any scan."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from gui.processes import alive
from gui.scans import head

pytestmark = pytest.mark.usefixtures("console")


@pytest.fixture
def windowless(host, monkeypatch):
    """Slicer started with --no-main-window."""
    import slicer

    monkeypatch.setattr(slicer.app, "hasMainWindow", False)


@pytest.fixture
def finished(panel):
    """A scan and its result."""
    panel.choose(head())
    panel.click("applyButton")
    panel.finish()
    return panel


def testWithoutAWindowEverythingButTheViewsWorks(finished, windowless):
    assert finished.status.startswith("Done")
    finished.click("verdictCompareButton")
    assert "no views to compare in" in finished.status
    finished.click("compareButton")
    assert not finished.ui.profileButton.enabled
    finished.click("residualButton")


def testTheModuleIsOpenedBeforeAnyScanIsLoadedAndProposesTheBestModelThen(panel):
    assert panel.parameters.model == ""
    panel.ui.inputSelector.setCurrentNode(head())
    assert panel.parameters.model == "edsr3d-thick"


@pytest.fixture(params=["5.10", "5.12"])
def version(host, request):
    host.become(request.param)
    yield request.param
    host.become("5.12")


def testDecliningPackagesIsNoErrorInEitherVersion(version, panel, monkeypatch):
    import slicer

    from MRISuperResolutionLib.System import Dependencies

    monkeypatch.setattr(Dependencies, "isInstalled", lambda name: name != "safetensors")
    metadata = sys.modules["importlib.metadata"]
    monkeypatch.setattr(metadata, "distribution", missingMonai(metadata.distribution))
    monkeypatch.setattr(slicer.app, "testing", False)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_arguments, **_keywords: False)
    panel.ui.inputSelector.setCurrentNode(head())
    panel.click("applyButton")
    assert panel.status.startswith("This cannot run without safetensors>=0.4.")
    assert panel.ui.applyButton.enabled


def missingMonai(distribution):
    def found(name: str) -> str:
        if name == "safetensors":
            raise sys.modules["importlib.metadata"].PackageNotFoundError(name)
        return distribution(name)

    return found


def testTheExamineSectionAndTheConsoleNeedNothingThatSlicerLacks(panel, bareSlicer, tmp_path):
    """In Slicer's own process; the worker's packages are held by Testing/packages."""
    from MRISuperResolution import MRISuperResolutionLogic

    logic, scan = MRISuperResolutionLogic(), head(shape=(36, 40, 12))
    result = logic.process(scan, model="cubic", isotropic=True, residual=True)
    table = logic.tryModels(scan, models=[], isotropic=True)
    assert table.GetAttribute("MRISuperResolution.best") in ("linear", "cubic", "lanczos")
    assert logic.compareWithReference(result, logic.process(scan, model="lanczos", isotropic=True)).rows
    assert logic.report(result, tmp_path / "report.html").read_text(encoding="utf-8").count("<img") >= 6
    panel.choose(scan)
    assert panel.ui.applyButton.enabled, panel.status


def testAnEmptiedPathIsNoticed(finished, tmp_path):
    for name in ("examineSection", "reportSection"):
        getattr(finished.ui, name).collapsed = False
    finished.ui.reportPath.currentPath = str(tmp_path / "report.html")
    assert finished.ui.reportButton.enabled
    for text in ("", str(tmp_path / "report"), str(tmp_path / "report.txt")):
        finished.ui.reportPath.currentPath = str(tmp_path / "report.html")
        finished.ui.reportPath.currentPath = text
        assert not finished.ui.reportButton.enabled, text
        assert "ends in .html" in finished.ui.reportButton.toolTip


def testAnEmptiedFolderOfABatchIsNoticed(panel, tmp_path):
    panel.choose(head())
    panel.ui.batchInputPath.currentPath = panel.ui.batchOutputPath.currentPath = str(tmp_path)
    assert panel.ui.batchFolderButton.enabled
    panel.ui.batchOutputPath.currentPath = ""
    assert not panel.ui.batchFolderButton.enabled


LAUNCHER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
"""As PythonSlicer, which starts Python and waits for it."""


@pytest.fixture
def launched(host, monkeypatch):
    """A launcher with its child, as on Windows; the process, and both their numbers."""
    from MRISuperResolutionLib.System import Process

    process = Process.PythonProcess()
    process._process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = int(process._process.stdout.readline())
    monkeypatch.setattr(Process, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(Process.subprocess, "CREATE_NO_WINDOW", 0, raising=False)
    yield process, [process.pid, child]
    process._process.stdout.close()
    if child in alive([child]):
        os.kill(child, signal.SIGKILL)


def testWindowsWithoutTaskkillOnItsPathEndsTheWholeTreeAllTheSame(launched, monkeypatch):
    from MRISuperResolutionLib.System import Process

    process, tree = launched
    tried = []

    def run(command, **_keywords):
        tried.append(command[0])
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(Process.subprocess, "run", run)
    monkeypatch.setenv("SYSTEMROOT", "W:")
    monkeypatch.setitem(
        sys.modules, "psutil", psutil
    )  # which Slicer has not before the models' packages are installed
    process.kill()
    assert tried == ["taskkill", str(Path("W:") / "System32" / "taskkill.exe")]
    assert alive(tree) == []


def testWithoutPsutilAsWellTheProcessItselfIsEnded(launched, monkeypatch):
    from MRISuperResolutionLib.System import Process

    process, _tree = launched

    def run(command, **_keywords):
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(Process.subprocess, "run", run)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "psutil", None)
        process.kill()
    assert process.status is not None


def testWarningsGoWithTheirScene(panel, scene):
    node = head()
    node.SetAttribute("DICOM.instanceUIDs", "1.1 1.2 1.3")
    import slicer

    slicer.dicomDatabase = SimpleNamespace(
        instanceValue=lambda uid, tag: {"0008,0060": "CT"}.get(tag, ""), fileForInstance=lambda uid: ""
    )
    try:
        panel.ui.inputSelector.setCurrentNode(node)
        assert "CT scan" in panel.ui.scanWarningLabel.text
        scene.Clear(0)
    finally:
        del slicer.dicomDatabase
    assert panel.ui.scanWarningLabel.text == ""
    assert not panel.ui.scanWarningLabel.isVisibleTo(panel.parent)
