"""Workers that misbehave: the panel stays usable and says what happened."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from gui.processes import alive, treeOf
from gui.scans import head

pytestmark = pytest.mark.ownWorker

FAKE = str(Path(__file__).with_name("fake_worker.py"))


@pytest.fixture
def run(panel):
    """Apply with a fake worker of the given behavior."""

    def apply(behavior: str, *more: str):
        panel.core.runner.worker.command = ["-u", FAKE, behavior, *more]
        panel.choose(head())
        panel.click("applyButton")
        return panel

    return apply


def testStubbornWorkerIsKilledWithItsChildrenWithinTwoSeconds(run):
    panel = run("stubborn")
    panel.waitUntil(lambda: "child" in panel.ui.logText.plainText, "the worker's child")
    pids = treeOf(panel.core.runner.process.pid)
    grandchild = int(panel.ui.logText.plainText.split("child ")[1].split()[0])
    assert grandchild in pids
    assert len(pids) >= 3, "launcher, worker and its child"
    begun = time.monotonic()
    panel.click("cancelButton")
    assert panel.status == "Stopping…"
    panel.waitUntil(lambda: not alive(pids), "the processes to end")
    assert time.monotonic() - begun < 2
    panel.finish()
    assert panel.status.startswith("Cancelled")
    assert panel.temporaryFiles == []


def testObedientWorkerIsLeftToEndByItself(run):
    panel = run("obedient")
    panel.waitUntil(lambda: panel.ui.progressBar.maximum > 0, "progress")
    share = panel.ui.progressBar.value / panel.ui.progressBar.maximum
    assert 0.05 < share < 0.2, "three of 27 tiles, and what comes before them"
    panel.click("cancelButton")
    panel.finish()
    assert panel.status.startswith("Cancelled")


def testFailureShowsItsSentence(run):
    panel = run("failing")
    panel.finish()
    assert panel.status == "The scan looks like a label map; choose the intensity image."


def testCrashIsExplainedAndLogged(run):
    panel = run("crashing")
    panel.finish()
    assert "stopped unexpectedly (exit code 139)" in panel.status
    log = panel.ui.logText.plainText
    assert "something is odd" in log
    assert "{not json" in log


def testMissingResultIsExplained(run):
    panel = run("unreadable")
    panel.finish()
    assert "could not be read" in panel.status
    assert panel.temporaryFiles == []


def testResultThatCannotBePutIntoTheSceneIsExplained(run, caplog):
    panel = run("laconic")
    panel.finish()
    assert "could not be put into the scene ('provenance'). Start it again" in panel.status
    assert "KeyError" in caplog.text
    assert panel.temporaryFiles == []
    assert panel.ui.applyButton.enabled


def testCancelAfterTheWorkerHasDiedEndsTheRun(run):
    panel = run("stubborn")
    panel.waitUntil(lambda: "child" in panel.ui.logText.plainText, "the worker's child")
    group = panel.core.runner.process.pid
    tree = [psutil.Process(pid) for pid in treeOf(group)]
    os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive([process.pid for process in tree]):
        assert time.monotonic() < deadline
    panel.click("cancelButton")
    panel.finish()
    assert panel.status.startswith("Cancelled")
    assert panel.temporaryFiles == []


def testMacThatRefusesToSignalTheDeadDoesNotKeepTheRunAlive(run, monkeypatch):
    def killpg(group, number):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", killpg)
    panel = run("failing")
    panel.finish()
    assert panel.status == "The scan looks like a label map; choose the intensity image."
    assert panel.temporaryFiles == []


def testRunEndsForThePanelEvenIfItsProcessCannotBeEnded(panel, run, monkeypatch):
    from MRISuperResolutionLib.System import Process

    def fail(pid):
        errors.append(pid)
        raise OSError("taskkill is not there")

    errors: list[int] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: None)
    monkeypatch.setattr(Process, "_killTree", fail)
    run("failing")
    panel.finish()
    assert errors
    assert panel.status == "The scan looks like a label map; choose the intensity image."
    assert panel.temporaryFiles == []


def testMissingPythonIsExplained(panel, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "nothing-here"))
    panel.choose(head())
    panel.click("applyButton")
    assert "PythonSlicer" in panel.status
    assert not panel.core.running
    assert panel.temporaryFiles == []
    assert panel.ui.applyButton.isVisibleTo(panel.parent)


def testTheTimeLeftStandsBesideTheStage(panel, monkeypatch):
    from MRISuperResolutionLib.Jobs import Job
    from MRISuperResolutionLib.Panels import RunProgress

    moments = iter((100.0, 110.0, 120.0, 130.0))
    monkeypatch.setattr(RunProgress.time, "monotonic", lambda: next(moments))
    listener = panel.parent.widget.panel._run
    listener.begin(Job.EnhanceJob)
    assert panel.status.startswith("Starting")
    listener.progressed("model", 1, 4)
    listener.progressed("model", 2, 4)
    assert panel.status == "Enhancing… About 23 s left."  # 46 % of the run in 20 s
    listener.cancelled()


def testARunThatTakesLongIsAnnouncedWithItsTime(panel):
    from MRISuperResolutionLib.Jobs import Job

    listener = panel.parent.widget.panel._run
    listener.begin(Job.EnhanceJob, expected=80.0)
    assert panel.status.endswith("The run will take about 80 s.")
    listener.cancelled()
