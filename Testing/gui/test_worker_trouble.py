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


def testObedientWorkerIsKept(run):
    panel = run("obedient")
    panel.waitUntil(lambda: panel.ui.progressBar.maximum > 0, "progress")
    share = panel.ui.progressBar.value / panel.ui.progressBar.maximum
    assert 0.05 < share < 0.2, "three of 27 tiles, and what comes before them"
    pids = treeOf(panel.core.runner.process.pid)
    for _ in range(2):
        panel.click("cancelButton")
        panel.finish()
        assert panel.status.startswith("Cancelled")
        panel.ui.logText.clear()
        panel.click("applyButton")
        panel.waitUntil(lambda: panel.ui.progressBar.maximum > 0, "progress of the next run")
        assert treeOf(panel.core.runner.process.pid) == pids


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
        kill(group, number)
        refused.append(group)
        raise PermissionError(1, "Operation not permitted")

    kill, refused = os.killpg, []
    monkeypatch.setattr(os, "killpg", killpg)
    panel = run("stubborn")
    panel.click("cancelButton")
    panel.finish()
    assert refused
    assert panel.status.startswith("Cancelled")
    assert panel.temporaryFiles == []


def testRunEndsForThePanelEvenIfItsTreeCannotBeEnded(run, monkeypatch):
    from MRISuperResolutionLib.System import Process

    def fail(pid):
        errors.append(pid)
        kill(pid)
        raise OSError("taskkill is not there")

    kill, errors = Process._killTree, []
    monkeypatch.setattr(Process, "_killTree", fail)
    panel = run("stubborn")
    panel.click("cancelButton")
    panel.finish()
    assert errors
    assert panel.status.startswith("Cancelled")
    assert panel.temporaryFiles == []


def testAWorkerThatDiesBeforeItHasBegunIsReplacedAndTheJobRepeated(run, tmp_path):
    panel = run("crashingOnce", str(tmp_path / "marker"))
    panel.finish()
    assert panel.status.startswith("Done")
    assert panel.ui.logText.plainText.count("had ended unexpectedly (exit code 134)") == 1
    assert panel.temporaryFiles == []


def testAWorkerThatWasAboutToEndIsReplacedWithoutAWord(run, tmp_path):
    panel = run("idleAtTheWrongMoment", str(tmp_path / "marker"))
    panel.finish()
    assert panel.status.startswith("Done")
    assert "unexpectedly" not in panel.ui.logText.plainText


def testAWorkerThatDiesHalfwayIsToldAndTheNextRunIsAnothers(run):
    panel = run("obedient")
    panel.waitUntil(lambda: panel.ui.progressBar.maximum > 0, "progress")
    died = panel.core.runner.process.pid
    os.kill(treeOf(died)[-1], signal.SIGKILL)
    panel.finish()
    assert "stopped unexpectedly (exit code 137)" in panel.status
    panel.core.runner.worker.command = ["-u", FAKE, "quick"]
    panel.click("applyButton")
    assert panel.core.runner.process.pid != died
    panel.finish()
    assert panel.status.startswith("Done")


def testAWorkerThatDiesWhileItWaitsCostsASentence(run):
    panel = run("quick")
    panel.finish()
    waiting = panel.core.runner.process.pid
    os.kill(treeOf(waiting)[-1], signal.SIGKILL)
    panel.waitUntil(lambda: not alive([waiting]), "the launcher to notice")
    for told in (1, 0):
        panel.click("applyButton")
        panel.finish()
        assert panel.status.startswith("Done")
        assert panel.ui.logText.plainText.count("had ended unexpectedly (exit code 137)") == told


def testTextWithoutAnEndOfLineDoesNotHideAnEvent(run):
    panel = run("talkative")
    panel.finish()
    assert panel.status.startswith("Done")
    assert "loading..." in panel.ui.logText.plainText


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
