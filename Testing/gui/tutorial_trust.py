"""The part of the tutorial about trust: a warning before a run, a result with something invented, a spread map; a picture of each."""

from pathlib import Path

import numpy as np

from gui import inventing_worker
from gui.scans import thickHead

NETWORK = "edsr3d-thick"
SAMPLES = 2


def follow(panel, prefix: str = "tutorial-") -> list[Path]:
    """The pictures, in order."""
    begun = len(panel.saved)
    guardRail(panel, prefix + "11-guard-rail")
    consistency(panel, prefix + "9-consistency")
    spread(panel, prefix + "10-spread")
    return panel.saved[begun:]


def consistency(panel, name: str) -> None:
    """A model that invents a spot; the verdict and the spot in the map."""
    worker = panel.core.runner.worker
    usual, worker.command = worker.command, [str(Path(inventing_worker.__file__))]
    panel.choose(thickHead(), "gradient-filters-thick")
    _apply(panel)
    worker.command = usual
    _fold(panel)
    panel.click("residualButton")
    panel.click("worstButton")
    panel.shot(name)
    panel.click("residualButton")


def spread(panel, name: str) -> None:
    """The spread of a network, and a region in which it is looked at."""
    from MRISuperResolutionLib.Views.Overlay import jumpTo

    panel.choose(thickHead("T1w"), NETWORK)
    panel.ui.samplesSpinBox.value = SAMPLES
    _apply(panel)
    _fold(panel)
    panel.ui.trustSection.collapsed = False
    panel.click("spreadButton")
    region = panel.ui.spreadRegionSelector.addNode()
    center = (-10.0, 2.0, 16.0)
    region.SetCenterWorld(center)
    region.SetSizeWorld((22.0, 34.0, 26.0))
    jumpTo(center)
    panel.waitUntil(lambda: panel.ui.spreadWarningLabel.text, "the region to be looked at")
    panel.shot(name)
    region.GetDisplayNode().SetVisibility(False)


def guardRail(panel, name: str) -> None:
    """A scan that was zero-filled from front to back."""
    import slicer
    from scipy.signal import resample

    node = thickHead("T1w zero-filled")
    array = slicer.util.arrayFromVolume(node)
    array[...] = np.abs(resample(array[:, ::2], array.shape[1], axis=1))
    slicer.util.arrayFromVolumeModified(node)
    panel.choose(node, "edsr3d-thick")
    panel.waitUntil(lambda: panel.ui.scanWarningLabel.text, "the scan to be looked at")
    panel.shot(name)


def _apply(panel) -> None:
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status


def _fold(panel) -> None:
    """Leave open what the pictures are about."""
    panel.ui.compareSection.collapsed = True
