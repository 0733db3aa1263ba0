"""The process that computes stays between runs: when it is started and replaced, and that it never outlives Slicer."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gui.processes import alive, treeOf
from gui.scans import head

pytestmark = pytest.mark.ownWorker

HERE = Path(__file__).resolve().parent
FAKE = str(HERE / "fake_worker.py")
STRAY_S = 5


@pytest.fixture
def quick(panel):
    """A worker that answers at once; no scan is chosen yet."""
    panel.core.runner.worker.command = ["-u", FAKE, "quick"]
    return panel


def pidsOf(panel) -> list[int]:
    """The launcher and the worker."""
    process = panel.core.runner.process
    panel.waitUntil(lambda: len(treeOf(process.pid)) > 1, "the launcher's child")
    return treeOf(process.pid)


def assertGone(pids: list[int]) -> None:
    """Killed processes need a moment to go."""
    deadline = time.monotonic() + STRAY_S
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(pids) == []


def run(panel) -> list[int]:
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    return treeOf(panel.core.runner.process.pid)


def testTheRealWorkerIsReadyBeforeTheFirstApplyAndDoesTheNextAndGoesWithTheScene(panel, scene):
    assert panel.core.runner.process is None, "no scan, no process"
    panel.choose(head())
    pids = pidsOf(panel)
    panel.waitUntil(lambda: panel.core.runner.worker.ready, "the libraries to be loaded")
    panel.click("applyButton")
    assert panel.status == "Starting…"
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    assert run(panel) == pids
    result = panel.parameters.trustResult
    panel.parent.exit()
    panel.parent.enter()
    again = panel.parent.widget.logic.process(panel.parameters.inputVolume, model="linear", isotropic=True)
    assert panel.core.provenance(again)["model"] == "linear"
    assert result is not again
    assert treeOf(panel.core.runner.process.pid) == pids, "one process for panel and console"
    scene.Clear(0)
    assertGone(pids)
    assert panel.temporaryFiles == []


@pytest.mark.parametrize("how", ["reloaded", "unloaded"])
def testTheWaitingWorkerEndsWithTheModule(quick, how):
    quick.choose(head())
    pids = pidsOf(quick)
    if how == "reloaded":
        quick.parent.widget.onReload()
    else:
        quick.parent.widget.cleanup()
    assertGone(pids)


def testNothingOutlivesASlicerThatIsKilledAndTheNextOneRemovesItsFiles(host):
    from MRISuperResolutionLib.System import JobFolder

    slicer = subprocess.Popen(
        [sys.executable, str(HERE / "slicer_that_dies.py")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parents[1] / 'MRISuperResolution'}",
        },
    )
    told = {}
    while len(told) < 3:
        name, *words = slicer.stdout.readline().split()
        told[name] = words
    pids, folder = [int(pid) for pid in told["PIDS"]], Path(told["FOLDER"][0])
    try:
        JobFolder.removeLeft(folder)
        assert len(told["FILES"]) == 1
        assert [path.name for path in folder.iterdir()] == told["FILES"], "its owner lives"
        assert alive(pids) == pids
        slicer.send_signal(signal.SIGKILL)
        slicer.wait()
        assertGone(pids)
        JobFolder.removeLeft(folder)
        assert list(folder.iterdir()) == []
    finally:
        slicer.kill()
        slicer.stdout.close()
        slicer.wait()
        shutil.rmtree(folder.parent, ignore_errors=True)


def testTheSameProcessDoesTheNextRunUnlessWhatItWasStartedWithHasChanged(quick, monkeypatch):
    from MRISuperResolutionLib.System import WarmWorker

    quick.choose(head())
    first = run(quick)
    assert run(quick) == first
    monkeypatch.setenv("MRISR_MODELS", "/nowhere")
    second = run(quick)
    assert not set(first) & set(second)
    assertGone(first)
    installed = {**WarmWorker.packages(), "torch": "99.0"}
    monkeypatch.setattr(WarmWorker, "packages", lambda: installed)
    third = run(quick)
    assert not set(second) & set(third)
    assert run(quick) == third


def testFreeMemoryEndsTheWaitingProcessAndTheNextRunStartsAnother(quick):
    quick.ui.advancedSection.collapsed = False
    quick.choose(head())
    pids = pidsOf(quick)
    quick.click("freeMemoryButton")
    assertGone(pids)
    assert quick.status.startswith("The memory is free.")
    quick.ui.factorSpinBox0.value = 3
    quick.events()
    assert quick.core.runner.process is None, "it is not started again behind the user's back"
    assert not set(run(quick)) & set(pids)


def testMemoryIsNotFreedDuringARun(quick):
    quick.ui.advancedSection.collapsed = False
    quick.core.runner.worker.command = ["-u", FAKE, "obedient"]
    quick.choose(head())
    quick.click("applyButton")
    assert not quick.ui.freeMemoryButton.enabled
    quick.click("cancelButton")
    quick.finish()
    assert quick.ui.freeMemoryButton.enabled


def testAWorkerThatIsNotToBeKeptIsNotStartedBeforeItsRunAndEndsWithIt(quick):
    quick.ui.advancedSection.collapsed = False
    quick.choose(head())
    pids = pidsOf(quick)
    quick.ui.keepSpinBox.value = 0
    assertGone(pids)
    quick.choose(head("Another"))
    assert quick.core.runner.process is None
    quick.click("applyButton")
    pids = pidsOf(quick)
    quick.finish()
    assert quick.status.startswith("Done")
    assertGone(pids)


class Recorded:
    """A process that only listens."""

    status, pid = None, 0

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, arguments, folder) -> None:
        """Nothing runs."""

    def send(self, line: str) -> None:
        self.said.append(line)

    def lines(self) -> list[str]:
        return []

    def kill(self) -> None:
        """Nothing runs."""


def testTheWorkerIsToldHowLongToWaitAndTheSettingIsThisComputers(panel):
    from MRISuperResolutionLib.System import WarmWorker

    worker = panel.core.runner.worker
    worker._makeProcess = Recorded
    try:
        panel.choose(head())
        assert worker.process.said == ['{"idle": 600}']
        panel.ui.keepSpinBox.value = 3
        assert worker.process.said[-1] == '{"idle": 180}'
        assert WarmWorker.keepMinutes() == 3
    finally:
        worker.end()
        worker._makeProcess = WarmWorker.PythonProcess


@pytest.mark.parametrize(("stored", "minutes"), [("7", 7), (7.0, 7), (-3, 0), ("often", 10), (None, 10)])
def testAStoredSettingIsReadWhateverItsKind(host, monkeypatch, stored, minutes):
    from types import SimpleNamespace

    from MRISuperResolutionLib.System import WarmWorker

    settings = SimpleNamespace(value=lambda key, default: stored)
    monkeypatch.setattr(WarmWorker.qt, "QSettings", lambda: settings)
    assert WarmWorker.keepMinutes() == minutes


def testTheConsoleDoesNotWaitForARunOfThePanel(quick):
    """It gets a process of its own, which ends with its call."""
    quick.core.runner.worker.command = ["-u", FAKE, "obedient"]
    quick.choose(head())
    quick.click("applyButton")
    pids = pidsOf(quick)
    quick.waitUntil(lambda: quick.ui.progressBar.maximum > 0, "progress")
    quick.core.runner.worker.command = ["-u", FAKE, "quick"]
    result = quick.parent.widget.logic.process(quick.parameters.inputVolume, factor=2)
    assert quick.core.provenance(result)["model"] == "cubic"
    assert quick.core.running
    assert alive(pids) == pids
    quick.click("cancelButton")
    quick.finish()
    assert quick.status.startswith("Cancelled")
    assert treeOf(quick.core.runner.process.pid) == pids


def testTheConsoleIsToldOfACrashAndWorksOn(quick):
    quick.core.runner.worker.command = ["-u", FAKE, "crashing"]
    scan = head()
    with pytest.raises(RuntimeError, match=r"(?s)exit code 139.*something is odd"):
        quick.parent.widget.logic.process(scan, factor=2)
    assert quick.temporaryFiles == []
    quick.core.runner.worker.command = ["-u", FAKE, "quick"]
    assert quick.parent.widget.logic.process(scan, factor=2) is not None


def testAMissingPythonDoesNotDisturbTheChoiceOfAScan(panel, monkeypatch):
    monkeypatch.setenv("PATH", str(HERE / "nothing-here"))
    panel.choose(head())
    assert panel.core.runner.process is None
    assert panel.ui.applyButton.enabled, panel.status
