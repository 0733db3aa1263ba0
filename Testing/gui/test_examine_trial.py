"""Try on my scan, with clicks, a real worker and a real table node."""

import json

import pytest

from gui.processes import alive, treeOf
from gui.scans import head

SMALL = "gradient-filters-thick"


@pytest.fixture
def scan(panel):
    """A head in an open section, on a computer of which nothing was measured yet, whichever tests came before."""
    import qt

    from MRISuperResolutionLib.System import Machine

    for key in (Machine.RATE_KEY, Machine.PACE_KEY):
        qt.QSettings().remove(key.rstrip("/"))
    node = head("T1w", shape=(40, 44, 24), spacing=(2.0, 2.0, 6.0))
    panel.choose(node)
    panel.ui.examineSection.collapsed = False
    panel.ui.trialSection.collapsed = False
    return node


def check(panel, *names) -> None:
    from qt import Qt

    trial = panel.parent.widget.panel._examine._trial
    for card, item in trial._pairs():
        item.setCheckState(Qt.Checked if card.name in names else Qt.Unchecked)
    panel.events()
    assert set(trial.models) == set(names)


def tables(name="vtkMRMLTableNode") -> list:
    import slicer

    return slicer.util.getNodesByClass(name)


def column(node, name: str) -> list:
    array = node.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfValues())]


def testModelsThatFitTheScanAreProposed(panel, scan):
    from MRISuperResolutionLib.System import Machine

    trial = panel.parent.widget.panel._examine._trial
    store = panel.parent.widget.panel._store
    fitting = [card.name for card in store.cards if card.trained and card.misfit((1, 1, 3)) is None]
    assert trial.models == fitting
    assert SMALL in fitting
    texts = [panel.ui.trialModelList.item(row).text() for row in range(panel.ui.trialModelList.count)]
    assert sum("outside its training" in text for text in texts) == len(texts) - len(fitting)
    assert "T1w" in panel.ui.trialIntroLabel.text
    assert "not known" in panel.ui.trialTimeLabel.text
    Machine.remember(SMALL, "auto", "cpu", seconds=100, megavoxels=1)
    check(panel, SMALL)
    assert "About" in panel.ui.trialTimeLabel.text


def testOwnChecksStayUntilTheScanOrTheTargetChanges(panel, scan):
    trial = panel.parent.widget.panel._examine._trial
    check(panel)
    panel.parameters.detail = 50
    panel.events()
    assert trial.models == []
    panel.ui.targetModeComboBox.currentIndex = 1
    panel.events()
    assert trial.models != []


def testTryFillsATableAndOneClickChoosesTheBest(panel, scan):
    check(panel, SMALL)
    assert not panel.ui.trialTable.isVisibleTo(panel.parent)
    seen = []
    run = panel.core.start

    panel.click("trialButton")
    assert panel.core.running
    assert panel.ui.examineCancelButton.isVisibleTo(panel.parent)
    assert not panel.ui.applyButton.enabled
    panel.waitUntil(
        lambda: seen.append(len(column(tables()[0], "model")) if tables() else 0) or not panel.core.running
    )
    assert run == panel.core.start
    (table,) = tables()
    assert {1, 2, 3} & set(seen), "rows arrive one by one"
    assert len(column(table, "model")) == 5
    assert set(column(table, "model")) == {
        "Interpolation – linear",
        "Interpolation – cubic",
        "Interpolation – Lanczos",
        "Interpolation – back-projection",
        "Thick slices – fast",
    }
    scores = column(table, "psnr_mask")
    assert all(10 < value < 60 for value in scores)
    assert all(0 < value <= 1 for value in column(table, "ssim"))
    assert all(value >= 0 for name in ("nrmse", "seconds", "peak_memory_mb") for value in column(table, name))
    best = column(table, "model")[scores.index(max(scores))]
    assert column(table, "mark") == ["best" if model == best else "" for model in column(table, "model")]
    assert panel.ui.trialTable.mrmlTableNode() is table
    assert table.GetLocked()
    assert best.split(" interpolation")[0].split(" B-")[0].lower() in panel.ui.trialResultLabel.text.lower()
    assert panel.ui.useBestButton.text == f"Use {best}"
    panel.click("useBestButton")
    names = json.loads(table.GetAttribute("MRISuperResolution.models"))
    assert panel.parameters.model == names[scores.index(max(scores))]
    assert panel.temporaryFiles == []
    assert panel.ui.examineStatusLabel.text.startswith("Done in")
    assert not panel.ui.examineCancelButton.isVisibleTo(panel.parent)


def testHonestSentenceStandsBesideTheTable(panel, scan):
    text = panel.ui.trialCaveatLabel.text
    for words in ("93 %", "k-space", "0.1 dB", "not those of the result"):
        assert words in text


@pytest.mark.ownWorker
def testCancelEndsTheTrial(panel, scan):
    check(panel, SMALL)
    panel.click("trialButton")
    panel.waitUntil(lambda: "Trying" in panel.ui.examineStatusLabel.text, "the first model")
    panel.click("examineCancelButton")
    panel.finish()
    assert panel.ui.examineStatusLabel.text == "Cancelled."
    assert panel.ui.trialButton.enabled
    assert panel.temporaryFiles == []


@pytest.mark.ownWorker
def testSceneClosedInTheMiddle(panel, scan, scene):
    check(panel, SMALL)
    panel.click("trialButton")
    panel.waitUntil(lambda: tables(), "the first row")
    pids = treeOf(panel.core.runner.process.pid)
    scene.Clear(0)
    panel.waitUntil(lambda: not alive(pids), "the processes to end")
    assert tables() == []
    assert not panel.core.running
    assert panel.ui.trialTable.mrmlTableNode() is None
    assert not panel.ui.trialButton.enabled
    assert panel.temporaryFiles == []


def testNothingIsTriedOnASceneWithoutAScan(panel):
    panel.ui.examineSection.collapsed = False
    panel.ui.trialSection.collapsed = False
    panel.events()
    assert not panel.ui.trialButton.enabled
    panel.click("trialButton")
    assert not panel.core.running


def testScanThatIsTooSmallGetsASentence(panel):
    panel.choose(head("Tiny", shape=(16, 16, 4), spacing=(2.0, 2.0, 6.0)))
    panel.ui.examineSection.collapsed = False
    panel.ui.trialSection.collapsed = False
    check(panel)
    panel.click("trialButton")
    panel.finish()
    assert "too few voxels" in panel.ui.examineStatusLabel.text
    assert tables() == []


@pytest.mark.parametrize("what", ["table", "scan"])
def testNodeRemovedWhileModelsAreTriedDoesNoHarm(panel, scan, scene, what):
    check(panel, SMALL)
    panel.click("trialButton")
    panel.waitUntil(lambda: tables(), "the first row")
    scene.RemoveNode(scan if what == "scan" else tables()[0])
    panel.finish()
    assert panel.ui.examineStatusLabel.text.startswith("Done in")
    assert panel.temporaryFiles == []
