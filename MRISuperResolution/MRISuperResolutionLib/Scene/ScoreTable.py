"""The scores of models as a table node of the scene: one row a model, the best one marked."""

import json
from typing import Any

import slicer
from slicer.i18n import tr as _

from mrisr.errors import MrisrError
from mrisr.models import catalog

from .VolumeBridge import ATTRIBUTE_PREFIX

SCORES = {"psnr_mask": 2, "ssim_mask": 4, "psnr": 2, "ssim": 4, "nrmse": 4}
"""The engine's names of the scores, and their digits."""

COSTS = {"seconds": 1, "peak_memory_mb": 0}
SCAN = ATTRIBUTE_PREFIX + "scan"
MODELS = ATTRIBUTE_PREFIX + "models"
BEST = ATTRIBUTE_PREFIX + "best"


def heading(key: str) -> str:
    """What stands above a column, in the user's language; its name is the key."""
    return {
        "model": _("Model"),
        "mark": _("Mark"),
        "psnr_mask": _("Nearness, head (dB)"),
        "ssim_mask": _("Likeness, head"),
        "psnr": _("Nearness (dB)"),
        "ssim": _("Likeness"),
        "nrmse": _("Error"),
        "seconds": _("Seconds"),
        "peak_memory_mb": _("Memory (MB)"),
    }[key]


class ScoreTable:
    """A ``vtkMRMLTableNode`` that is filled row by row; it remembers the volume it is about.

    :param costs: whether there are columns of seconds and memory.
    """

    def __init__(self, name: str, volume, costs: bool) -> None:
        self._keys = [*SCORES, *(COSTS if costs else ())]
        self._rows: list[dict[str, Any]] = []
        self._best = ""
        self.node = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name)
        )
        self.node.SetUseColumnTitleAsColumnHeader(True)
        self.node.SetLocked(True)
        self.node.SetNodeReferenceID(SCAN, volume.GetID())
        self._fill()

    def add(self, row: dict[str, Any]) -> None:
        """Add the scores of one model, as the engine names them."""
        self._rows.append(row)
        self._fill()

    def mark(self, best: str) -> None:
        """Say in words which model came nearest."""
        self._best = best
        self.node.SetAttribute(BEST, best)
        self._fill()

    def _fill(self) -> None:
        """Written as a whole: a table has a handful of rows."""
        import vtk

        previous = self.node.StartModify()
        self.node.RemoveAllColumns()
        _append(self.node, vtk.vtkStringArray(), "model", [titleOf(row["model"]) for row in self._rows])
        _append(
            self.node,
            vtk.vtkStringArray(),
            "mark",
            [_("best") if row["model"] == self._best else "" for row in self._rows],
        )
        for key in self._keys:
            if any(row[key] is None for row in self._rows):
                continue  # memory, where this computer does not tell it
            digits = {**SCORES, **COSTS}[key]
            _append(
                self.node, vtk.vtkDoubleArray(), key, [round(float(row[key]), digits) for row in self._rows]
            )
        self.node.SetAttribute(MODELS, json.dumps([row["model"] for row in self._rows]))
        self.node.EndModify(previous)


def _append(node, array, key: str, values: list) -> None:
    array.SetName(key)
    for value in values:
        array.InsertNextValue(value)
    node.AddColumn(array)
    node.SetColumnTitle(key, heading(key))


def rowsOf(node) -> list[dict[str, Any]]:
    """The rows of a table in the engine's names; what the table has no column for is None."""
    table = node.GetTable()
    found = []
    for index, model in enumerate(json.loads(node.GetAttribute(MODELS) or "[]")):
        row = {"model": model}
        for key in (*SCORES, *COSTS):
            column = _column(table, key)
            row[key] = column.GetValue(index) if column is not None else None
        found.append(row)
    return found


def _column(table, key: str):
    """None if there is no such column. In scenes of earlier versions a column has the heading of that time for a name."""
    column = table.GetColumnByName(key)
    return table.GetColumnByName(earlierHeading(key)) if column is None else column


def earlierHeading(key: str) -> str:
    """What stood above a column in earlier versions."""
    return {
        "psnr_mask": _("PSNR head (dB)"),
        "ssim_mask": _("SSIM head"),
        "psnr": _("PSNR (dB)"),
        "ssim": _("SSIM"),
        "nrmse": _("NRMSE"),
    }.get(key, heading(key))


def latestFor(volume):
    """The newest table of the scene that is about a volume; None without one."""
    found = None
    for node in slicer.util.getNodesByClass("vtkMRMLTableNode"):
        if volume is not None and node.GetNodeReference(SCAN) is volume:
            found = node
    return found


def titleOf(model: str) -> str:
    """A model's name for people, as in the list of models; ``result`` is the volume that is compared."""
    if model == "result":
        return _("The result")
    try:
        return catalog.find(model).label
    except MrisrError:
        return model
