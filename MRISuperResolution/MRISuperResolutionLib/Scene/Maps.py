"""How far a result can be believed, as the scene keeps it: the verdict in the result's record, the maps as volumes it refers to."""

from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from mrisr.image.normalization import Normalization
from mrisr.trust.interval import TRUSTED
from mrisr.trust.spread_verdict import HIGH

from . import ColorTables, Records, VolumeBridge

RESIDUAL = "MRISuperResolutionResidual"
SPREAD = "MRISuperResolutionSpread"
INTERVAL = "MRISuperResolutionInterval"

ROLES = {"residual": RESIDUAL, "spread": SPREAD, "interval": INTERVAL}
"""By the names of the worker's keys, which the maps' names have, too."""

BRIGHTNESS = VolumeBridge.ATTRIBUTE_PREFIX + "brightness"

WINDOW = 4
"""The residual's color scale ends at so many times the tolerance, above and below 0."""

TOP = 4
"""The color scale of spread and interval ends at so many times its threshold."""


@dataclass(frozen=True)
class Trust:
    """A result's verdict (see ``mrisr.trust.verdict.Verdict``) and its maps."""

    result: Any
    verdict: dict[str, Any]

    @classmethod
    def of(cls, result) -> "Trust | None":
        """What is known about a volume; None for one that this module did not make."""
        verdict = Records.provenanceOf(result).get("trust")
        return cls(result, verdict) if isinstance(verdict, dict) else None

    @property
    def agreement(self) -> str:
        """The color of the numbers alone; scenes of earlier versions know no other."""
        return self.verdict.get("agreement", self.verdict["color"])

    @property
    def residual(self):
        """The volume of what the result, scanned again, has more than the scan, in the scan's units; None without one."""
        return self.result.GetNodeReference(RESIDUAL)

    @property
    def spread(self):
        """The volume of the samples' standard deviation, in the scan's units; None without one."""
        return self.result.GetNodeReference(SPREAD)

    @property
    def interval(self):
        """The volume of half the width of the interval that holds the truth in 9 of 10 voxels, in the scan's units; None without one."""
        return self.result.GetNodeReference(INTERVAL)

    @property
    def worst(self) -> tuple[float, float, float]:
        """Where the result differs most from the scan, in world coordinates (mm): parent transforms count."""
        toWorld = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
            self.result.GetParentTransformNode(), None, toWorld
        )
        return tuple(toWorld.TransformPoint(self.verdict["worst_ras"]))

    @property
    def brightness(self) -> float:
        """The scan's 99.9th percentile, in its units, that the spread is compared with."""
        return float(self.spread.GetAttribute(BRIGHTNESS))


def replace(result, source, role: str, fill) -> Any:
    """Give a result a map, one of ``ROLES``: a volume beside it, in no view yet. The map of an earlier run gives way.

    :param fill: called with the node, puts voxels and geometry into it; None where this run made no such map.
    """
    if fill is None:
        _detach(result, role)
        return None
    words = {role: word for word, role in ROLES.items()}
    model = Records.provenanceOf(result).get("model", "")
    node = result.GetNodeReference(role) or VolumeBridge.addNode(
        f"{source.GetName()} {words[role]} {model}".strip()
    )
    fill(node)
    VolumeBridge.inherit(node, source, VolumeBridge.Place.of(result))
    result.SetNodeReferenceID(role, node.GetID())
    if role in (SPREAD, INTERVAL):
        node.SetAttribute(BRIGHTNESS, str(Normalization.of(VolumeBridge.scanFromNode(source).array).scale))
        dressSpread(node, HIGH if role == SPREAD else TRUSTED)
    elif (trust := Trust.of(result)) is not None:
        dressResidual(node, trust.verdict["tolerance"])
    return node


def _detach(result, role: str) -> None:
    node = result.GetNodeReference(role)
    if node is not None:
        result.SetNodeReferenceID(role, None)
        slicer.mrmlScene.RemoveNode(node)


def dressResidual(node, tolerance: float) -> None:
    """Blue below 0, red above, nothing where the residual is within the tolerance."""
    display = _display(node, ColorTables.diverging())
    display.SetWindowLevel(2 * WINDOW * tolerance, 0.0)
    display.ApplyThresholdOff()


def dressSpread(node, threshold: float) -> None:
    """Yellow to violet from the threshold (a fraction of the brightness) on, nothing below."""
    display = _display(node, ColorTables.rising())
    low = threshold * float(node.GetAttribute(BRIGHTNESS))
    display.SetWindowLevelMinMax(low, TOP * low)
    display.AutoThresholdOff()
    display.SetThreshold(low, max(low, node.GetImageData().GetScalarRange()[1]) + 1.0)
    display.ApplyThresholdOn()


def _display(node, colors):
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetAndObserveColorNodeID(colors.GetID())
    return display
