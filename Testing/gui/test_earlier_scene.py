"""A scene of an earlier version in the panel."""

from pathlib import Path

SCENE = Path(__file__).resolve().parents[1] / "mrml" / "data" / "earlier" / "scene.mrml"


def testAnEarlierResultShowsItsVerdictAndBringsItsScan(panel, scene):
    import slicer

    scene.SetURL(str(SCENE))
    scene.Connect()
    panel.events()
    result = slicer.util.getNode("Head SR gradient-filters-thick")
    panel.parameters.trustResult = panel.parameters.examinedResult = result
    panel.events()
    assert panel.ui.verdictMark.text == "✓"
    assert panel.ui.verdictLabel.text.startswith("Head SR gradient-filters-thick\nGreen: scanned again")
    assert panel.ui.verdictCompareButton.enabled
    assert panel.ui.residualButton.enabled
    assert panel.ui.spreadInfoLabel.text.startswith("All repeats gave the same")
    assert panel.parameters.examinedScan.GetName() == "Head"
