"""A scan, its result and a reference of the same subject, in the scene."""

from dataclasses import dataclass
from typing import Any

from engine.test_trust_reference import moved
from engine.trust_scans import head as madeHead

DEGREES, SHIFT = (3.0, -2.0, 2.0), (2.0, -1.5, 1.0)


@dataclass(frozen=True)
class Examined:
    """Volume nodes; the reference is turned and shifted, and three times as bright."""

    scan: Any
    result: Any
    reference: Any


def added(volume, name: str):
    from MRISuperResolutionLib.Scene import VolumeBridge

    node = VolumeBridge.addNode(name)
    VolumeBridge.updateNode(node, volume)
    node.CreateDefaultDisplayNodes()
    return node


def examined(model: str = "cubic", shape=(52, 48, 48)) -> Examined:
    """A made-up head in slices three times thicker, and what a model makes of it."""
    from mrisr.physics.acquisition import Acquisition
    from MRISuperResolution import MRISuperResolutionLogic

    truth = madeHead(shape)
    thick = Acquisition(profile=("none", "none", "gaussian"), width=(1.0, 1.0, 1.0)).simulate(
        truth, truth.grid.resampled((1, 1, 1 / 3)), 0
    )
    scan = added(thick, "T1w")
    result = MRISuperResolutionLogic().process(scan, model=model, factor=(1, 1, 3))
    return Examined(scan, result, added(moved(truth, DEGREES, SHIFT), "Reference"))
