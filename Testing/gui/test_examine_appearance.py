"""What the Examine section looks like before and after it was used."""

import numpy as np

from gui.examine_scene import examined

SECTIONS = ("trialSection", "witnessSection", "referenceSection", "profileSection", "reportSection")


def testSectionsAreClosedAtFirst(panel):
    assert all(getattr(panel.ui, name).collapsed for name in ("examineSection", *SECTIONS))
    assert not panel.ui.trialButton.isVisibleTo(panel.parent)


def testNothingIsClippedWhenEverythingIsShown(panel):
    import slicer

    from MRISuperResolutionLib import Examine
    from slicerhost.features import speakPythonQt

    speakPythonQt("gui.appearance")
    from gui.appearance import clipped

    nodes = examined(shape=(40, 36, 36))
    panel.choose(nodes.scan)
    for name in ("examineSection", *SECTIONS):
        getattr(panel.ui, name).collapsed = False
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    line = panel.ui.profileLineSelector.addNode()
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array([[10.0, 10, 10], [30, 30, 30]]))
    panel.events()
    panel.click("profileButton")
    trial = panel.parent.widget.panel._examine._trial
    trial._showTable(Examine.tryModels(nodes.scan, [], factor=(1, 1, 3)))
    trial._showBest(
        "cubic", "On this scan, degraded once more, no model came nearer than cubic interpolation (24.0 dB)."
    )
    for _ in range(5):
        panel.events()
    panel.shot("31-examine")
    assert clipped(panel.parent) == []


def testModuleLeftAndEnteredAgainKeepsThePair(panel):
    nodes = examined(shape=(24, 24, 24))
    panel.choose(nodes.scan)
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    panel.events()
    panel.parent.exit()
    panel.parent.enter()
    panel.events()
    assert panel.ui.examinedResultSelector.currentNode() is nodes.result
    assert panel.ui.examinedScanSelector.currentNode() is nodes.scan
