"""Several scans of one subject into one volume."""

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrisr.fusion.settings import FusionSettings
from mrisr.jobs import fusion
from mrisr.pipeline.settings import Settings

from ..Scene import Refusals
from ..Scene.ScanHeader import knownOf, patientOf
from ..System import Dependencies
from .Job import Job


class FuseJob(Job):
    """The reference, as ``settings`` counts it, gives the result its place. Where the scans lie to it becomes transforms in the scene.

    :raises ValueError: the volumes cannot be fused; the message says why.
    """

    stages = ("reading", "registration", "refinement", "reconstruction", "filters", "writing")
    model = "fusion"

    def __init__(self, sources: list, output, settings: FusionSettings) -> None:
        problem = refusalOf(sources, output)
        if problem:
            raise ValueError(problem)
        super().__init__()
        self.sources, self.output, self.asked = sources, output, settings
        self.settings = Settings(device=settings.device)
        self.transforms: list[Any] = []

    @property
    def packages(self) -> tuple[str, ...]:
        return Dependencies.NETWORK

    @property
    def reference(self):
        return self.sources[self.asked.reference - 1]

    def request(self) -> fusion.Request:
        inputs = [self.folder / f"input{number}.nrrd" for number in range(len(self.sources))]
        for source, path in zip(self.sources, inputs, strict=True):
            self._export(source, str(path))
        return fusion.Request(
            tuple(inputs),
            self.folder / "output.mha",
            self.asked,
            self.folder / "coverage.mha",
            names=tuple(source.GetName() for source in self.sources),
            known=tuple(map(knownOf, self.sources)),
            subjects=tuple(map(patientOf, self.sources)),
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        record = {**final["provenance"], "inputNodes": [source.GetID() or "" for source in self.sources]}
        name = _("{name} fused").format(name=self.reference.GetName())
        result = self._imported(final["output"], self.output, name, self.reference, record)
        made = {"statement": record["statement"], "model": "fusion"}
        self._imported(final["coverage"], None, f"{result.GetName()} coverage", self.reference, made)
        for source, matrix in zip(self.sources, final["transforms"], strict=True):
            if source is not self.reference or not np.allclose(matrix, np.eye(4)):
                self.transforms.append(_addTransform(source, result, np.array(matrix)))
        return [result]


def refusalOf(sources: list, output=None) -> str:
    """Why volumes cannot be fused, as a sentence; empty if nothing in the scene speaks against it."""
    if len(sources) < 2:
        return _("Check at least two volumes of one subject.")
    problems = (Refusals.ofInput(node) or Refusals.ofOutput(output, node) for node in sources)
    if problem := next(filter(None, problems), ""):
        return problem
    if len({node.GetParentTransformNode() for node in sources}) > 1:
        return _("The volumes lie under different transforms; put all under one, or harden them.")
    return ""


def _addTransform(source, result, matrix: np.ndarray):
    """A node that, applied to a scan, lays it onto the result."""
    name = _("{scan} onto {result}").format(scan=source.GetName(), result=result.GetName())
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLLinearTransformNode", slicer.mrmlScene.GenerateUniqueName(name)
    )
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node
