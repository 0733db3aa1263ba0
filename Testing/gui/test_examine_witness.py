"""Check with another stack, with clicks, a real worker and real nodes; and from the Python console."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gui.examine_scene import added


@dataclass(frozen=True)
class Crossed:
    """A scan, its result, and a stack across it; and one that lies as the scan does."""

    scan: Any
    result: Any
    stack: Any
    parallel: Any


def crossed() -> Crossed:
    from engine.test_witness import head
    from mrisr.physics.stacks import STACKS
    from MRISuperResolution import MRISuperResolutionLogic

    one, other = STACKS["stacks2-thick4"].simulate(head())
    scan, parallel = added(one.volume, "Axial"), added(one.volume, "Axial again")
    stack = added(other.volume, "Sagittal")
    return Crossed(
        scan, MRISuperResolutionLogic().process(scan, model="cubic", factor=(1, 1, 4)), stack, parallel
    )


@pytest.fixture
def made(panel):
    nodes = crossed()
    panel.choose(nodes.scan)
    for name in ("examineSection", "witnessSection"):
        getattr(panel.ui, name).collapsed = False
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    panel.events()
    return nodes


def improve(nodes) -> None:
    """Put the truth into the result: detail that the stack must confirm."""
    import slicer

    from engine.test_witness import head

    slicer.util.updateVolumeFromArray(nodes.result, head().array.transpose(2, 1, 0).copy())
    nodes.result.RemoveAttribute("MRISuperResolution.provenance")


def testTheStackThatLiesAcrossIsSuggestedAndNothingElse(panel, made):
    assert panel.parameters.witnessStack is made.stack
    assert panel.ui.witnessButton.enabled
    panel.ui.witnessSelector.setCurrentNode(made.scan)
    panel.events()
    assert not panel.ui.witnessButton.enabled
    assert "another scan" in panel.ui.witnessButton.toolTip


def testCheckGivesSentenceAndMap(panel, made):
    import slicer

    improve(made)
    panel.ui.examinedScanSelector.setCurrentNode(made.scan)
    panel.events()
    panel.click("witnessButton")
    panel.finish()
    assert panel.ui.examineStatusLabel.text.startswith("Done in"), panel.ui.examineStatusLabel.text
    sentence = panel.ui.witnessResultLabel.text
    assert "sagittal stack confirms all of the added detail" in sentence
    assert "error (" in sentence
    assert "dB) than plain interpolation does" in sentence
    assert not panel.ui.witnessPlaceButton.isVisibleTo(panel.parent)
    agreement = made.result.GetNodeReference("MRISuperResolutionAgreement")
    values = slicer.util.arrayFromVolume(agreement)
    assert values.shape == slicer.util.arrayFromVolume(made.result).shape
    assert np.median(values[abs(values) > 0.1]) > 0.5
    panel.click("witnessOverlayCheckBox")
    view = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert view.GetForegroundVolumeID() == agreement.GetID()
    assert "Blue: the stack confirms" in panel.ui.witnessLegendLabel.text
    panel.shot("33-witness")
    for name in ("scanSection", "modelSection"):
        if hasattr(panel.ui, name):
            getattr(panel.ui, name).collapsed = True
    panel.laptopShot("34-witness-laptop")
    panel.click("witnessOverlayCheckBox")
    assert panel.temporaryFiles == []


def testConsoleSaysTheSame(scene, forks):
    from MRISuperResolution import MRISuperResolutionLogic

    nodes = crossed()
    said = MRISuperResolutionLogic().witness(nodes.result, nodes.stack, device="cpu")
    assert not said.tells
    assert "nothing was added" in said.sentence
    improve(nodes)
    with pytest.raises(ValueError, match="name it with scan="):
        MRISuperResolutionLogic().witness(nodes.result, nodes.stack)
