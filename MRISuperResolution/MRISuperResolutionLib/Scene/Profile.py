"""Intensities along a Markups line, as a table, series and a chart of the scene."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from mrisr.image.metrics import HEAD
from mrisr.image.normalization import PERCENTILE

DISTANCE = "mm"
"""Name of the column with the distance along the line."""

MOST_SAMPLES = 2000
PER_VOXEL = 2
"""Samples on the length of the finest voxel's edge."""

ROOM = 0.4
"""Share of the curves' range that is left free above them."""

BORDER = 0.5
"""Voxels beyond the outermost centers that still belong to a volume."""

STYLES = (
    ((0.35, 0.35, 0.35), "LineStyleDash"),
    ((0.85, 0.33, 0.0), "LineStyleSolid"),
    ((0.0, 0.45, 0.7), "LineStyleDot"),
)
"""Color and line of scan, result and reference: told apart without colors, too."""


@dataclass(frozen=True)
class Curve:
    """A volume to read, what its curve is called, and what its values are multiplied with."""

    volume: Any
    label: str
    factor: float = 1.0


class Profile:
    """The curves of up to three volumes along a line. ``update`` reads them anew; nodes that were removed give way to new ones.

    :param line: ``vtkMRMLMarkupsLineNode`` or any other markups node; straight lines between its points are followed.
    """

    def __init__(self, line, scan=None, result=None, reference=None) -> None:
        self.line = line
        self.curves = [
            curve
            for curve in (_curve(scan, _("Scan")), _curve(result, _("Result")), _reference(reference, result))
            if curve
        ]
        scene = slicer.mrmlScene
        name = scene.GenerateUniqueName(_("Intensity along {line}").format(line=line.GetName()))
        self.table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
        self.chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", name)
        self.chart.SetTitle(name)
        self.chart.SetXAxisTitle(_("Distance along the line (mm)"))
        self.chart.SetYAxisTitle(_("Intensity"))
        self.update()
        for curve, (color, style) in zip(self.curves, STYLES, strict=False):
            self.chart.AddAndObservePlotSeriesNodeID(self._series(curve, color, style).GetID())

    def update(self) -> None:
        """Read the curves along the line as it lies now."""
        points = _along(
            self.line, min(min(curve.volume.GetSpacing()) for curve in self.curves) if self.curves else 1.0
        )
        distance = (
            np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
            if len(points)
            else np.zeros(0)
        )
        values = [curve.factor * sampled(curve.volume, points) for curve in self.curves]
        slicer.util.updateTableFromArray(
            self.table, (distance, *values), [DISTANCE, *(curve.label for curve in self.curves)]
        )
        self._makeRoom(values)

    def _makeRoom(self, values: list[np.ndarray]) -> None:
        """Above the curves, where the legend stands."""
        known = np.concatenate([*values, [0.0]])
        low, high = np.nanmin(known), np.nanmax(known)
        self.chart.SetYAxisRangeAuto(False)
        self.chart.SetYAxisRange(float(low), float(high + ROOM * (high - low) if high > low else low + 1))

    def _series(self, curve: Curve, color, style: str):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", curve.label)
        node.SetDescription(curve.volume.GetName())
        node.SetAndObserveTableNodeID(self.table.GetID())
        node.SetXColumnName(DISTANCE)
        node.SetYColumnName(curve.label)
        node.SetPlotType(node.PlotTypeScatter)
        node.SetMarkerStyle(node.MarkerStyleNone)
        node.SetLineStyle(getattr(node, style))
        node.SetLineWidth(2)
        node.SetColor(*color)
        return node


def sampled(volume, points: np.ndarray) -> np.ndarray:
    """The volume's values at world positions, linearly interpolated; not a number outside of it. Parent transforms count.

    :param points: (n, 3) RAS, mm.
    """
    toIjk = _worldToIjk(volume)
    interpolator = vtk.vtkImageInterpolator()
    interpolator.SetInterpolationModeToLinear()
    interpolator.SetTolerance(BORDER)
    interpolator.Initialize(volume.GetImageData())
    values = np.full(len(points), np.nan)
    for index, point in enumerate(points):
        ijk = toIjk(point)
        if interpolator.CheckBoundsIJK(ijk):
            values[index] = interpolator.Interpolate(*ijk, 0)
    interpolator.ReleaseData()
    return values


def _worldToIjk(volume):
    """A function from world positions to voxel indices, through linear and non-linear parent transforms."""
    toLocal, toVoxels = vtk.vtkGeneralTransform(), vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, volume.GetParentTransformNode(), toLocal)
    volume.GetRASToIJKMatrix(toVoxels)
    return lambda point: toVoxels.MultiplyPoint((*toLocal.TransformPoint(point), 1.0))[:3]


def _along(line, spacing: float) -> np.ndarray:
    """(n, 3) world positions along a line through all its points, in even steps on each part."""
    corners = slicer.util.arrayFromMarkupsControlPoints(line, world=True)
    if len(corners) < 2:
        return np.zeros((0, 3))
    parts = []
    for first, last in itertools.pairwise(corners):
        count = int(np.clip(np.ceil(PER_VOXEL * np.linalg.norm(last - first) / spacing), 1, MOST_SAMPLES))
        parts.append(first + (last - first) * (np.arange(count) / count)[:, None])
    return np.vstack([*parts, corners[-1:]])


def _curve(volume, label: str) -> Curve | None:
    return None if volume is None or volume.GetImageData() is None else Curve(volume, label)


def _reference(reference, result) -> Curve | None:
    """Two scans differ in their units: the reference is brought to the brightness of the result, and its label says so."""
    curve = _curve(reference, _("Reference (scaled)"))
    if curve is None or _curve(result, "") is None:
        return curve
    return Curve(reference, curve.label, _brightness(result) / (_brightness(reference) or 1.0))


def _brightness(volume) -> float:
    """The median in the head. A result may undershoot 0 at edges, so that its darkest value says nothing about air."""
    array = slicer.util.arrayFromVolume(volume)
    head = array[array > HEAD * np.percentile(array, PERCENTILE)]
    return float(np.median(head)) if head.size else 0.0
