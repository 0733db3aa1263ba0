"""Leaving the module and coming back, reloading it, and what happens meanwhile."""

import sys
from pathlib import Path

import pytest

from gui import inventing_worker
from gui.scans import head

SETTINGS = ("targetMode", "device", "precision", "consistency")


@pytest.fixture
def ready(panel):
    panel.choose(head())
    return panel


def choose(panel) -> list:
    """Choose the last entry of every list that stores an enum."""
    for name in SETTINGS:
        box = getattr(panel.ui, f"{name}ComboBox")
        box.currentIndex = box.count - 1
    panel.events()
    return settings(panel)


def settings(panel) -> list:
    return [getattr(panel.parameters, name) for name in SETTINGS]


def testSettingsAreKeptWhenTheModuleIsLeftAndEnteredAgain(ready):
    chosen = choose(ready)
    first = [next(iter(type(value))) for value in chosen]
    assert all(value is not start for value, start in zip(chosen, first, strict=True))
    for _ in range(3):
        ready.parent.exit()
        ready.parent.enter()
        assert settings(ready) == chosen
    assert ready.ui.deviceComboBox.currentIndex == ready.ui.deviceComboBox.count - 1


def testALeftModulesListsWriteNothingIntoTheScene(ready):
    chosen = choose(ready)
    ready.parent.exit()
    ready.ui.deviceComboBox.currentIndex = 0
    ready.parent.enter()
    assert settings(ready) == chosen


def pair(panel) -> tuple:
    """The scan and the result that Compare and Examine put forward; each must show the same."""
    parameters = panel.parameters
    compared = parameters.compareBefore, parameters.compareAfter
    assert compared == (parameters.examinedScan, parameters.examinedResult)
    return compared


def result(panel):
    import slicer

    (node,) = [
        node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if " SR " in node.GetName()
    ]
    return node


def testAResultIsPairedWithItsOwnScanWhateverIsChosenMeanwhile(ready):
    scan = ready.parameters.inputVolume
    ready.click("applyButton")
    ready.choose(head("Another"))
    ready.finish()
    assert result(ready).GetName() == "T1w SR cubic"
    assert pair(ready) == (scan, result(ready))
    assert ready.parameters.trustResult is result(ready)


def testAResultThatCameInAnotherModuleIsPutForwardOnReturn(ready, monkeypatch):
    monkeypatch.setattr(ready.core.runner.worker, "command", [str(Path(inventing_worker.__file__))])
    scan = ready.parameters.inputVolume
    ready.ui.trustSection.collapsed = True
    ready.click("applyButton")
    ready.parent.exit()
    ready.finish()
    ready.parent.enter()
    assert pair(ready) == (scan, result(ready))
    assert ready.parameters.trustResult is result(ready)
    assert "Contradicts your scan" in ready.ui.verdictLabel.text
    assert not ready.ui.trustSection.collapsed


def testAResultIsPutForwardOnce(ready, scene):
    ready.click("applyButton")
    ready.parent.exit()
    ready.finish()
    ready.parent.enter()
    ready.parameters.compareAfter = ready.parameters.compareBefore = None
    ready.parent.exit()
    ready.parent.enter()
    assert ready.parameters.compareAfter is None


@pytest.mark.parametrize("gone", ["removed", "closed"])
def testAResultThatIsGoneIsNotPutForward(ready, scene, gone):
    ready.click("applyButton")
    ready.parent.exit()
    ready.finish()
    if gone == "removed":
        scene.RemoveNode(result(ready))
    else:
        scene.Clear(0)
    ready.parent.enter()
    assert ready.parameters.compareAfter is None
    assert ready.parameters.trustResult is None


def testAReloadedModuleWorksWithoutBeingEntered(ready):
    chosen = choose(ready)
    scan = ready.parameters.inputVolume
    ready.parent.widget.onReload()
    assert [value.name for value in settings(ready)] == [value.name for value in chosen]
    assert ready.ui.inputSelector.currentNode() is scan
    ready.ui.targetModeComboBox.currentIndex = 0
    assert ready.ui.applyButton.enabled, ready.status


def testAReloadedModuleTakesUpANewScene(ready, scene):
    ready.parent.widget.onReload()
    scene.Clear(0)
    ready.choose(head("Next"))
    assert ready.ui.applyButton.enabled, ready.status


def testEnteringTwiceChangesNothing(ready):
    chosen, parameters = choose(ready), ready.parameters
    watched = len(ready.parent.widget.panel.Observations)
    ready.parent.enter()
    assert ready.parameters is parameters
    assert settings(ready) == chosen
    assert len(ready.parent.widget.panel.Observations) == watched


def testTheFirstVolumeIsProposedAlsoIfItCameBeforeTheModuleWasFirstShown(host, scene, noErrorsInSlots):
    parent = host.module.widgetRepresentation()
    try:
        node = head()
        parent.enter()
        assert parent.widget.panel._parameters.inputVolume is node
    finally:
        host.module.discard()


def testApplyWhileTheModuleIsLeftDoesNothing(ready):
    ready.parent.exit()
    ready.parent.widget.panel._apply()
    assert not ready.core.running


def testAnUnloadedModuleFollowsNoProfileLine(ready):
    line = ready.ui.profileLineSelector.addNode()
    assert ready.parameters.profileLine is line
    ready.parent.widget.panel._examine._profile._showProfile()
    profile = ready.parent.widget.panel._examine._profile
    assert profile.Observations
    ready.parent.widget.cleanup()
    assert profile.Observations == []


def testAnOldSlicerIsToldWhatIsNeeded(host, scene, noErrorsInSlots, monkeypatch):
    import qt
    import SampleData

    script = sys.modules["MRISuperResolution"]
    monkeypatch.setattr(script, "PYTHON", (99, 0))
    monkeypatch.setattr(SampleData.SampleDataLogic, "sources", {})
    parent = host.module.widgetRepresentation()
    try:
        parent.enter()
        assert any("needs 3D Slicer 5.10 or later" in label.text for label in parent.findChildren(qt.QLabel))
        parent.exit()
        with pytest.raises(RuntimeError, match="install a newer Slicer"):
            script.MRISuperResolutionLogic()
        script.MRISuperResolution.registerSampleData(host.module.instance)
        assert SampleData.SampleDataLogic.sources == {}
    finally:
        host.module.discard()
