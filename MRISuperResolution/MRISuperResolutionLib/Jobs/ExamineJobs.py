"""The pieces of work of the Examine section: trying models, comparing with a reference, the report and the DICOM export."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from mrisr.image.windows import safe_name
from mrisr.jobs import comparison, dicom, report, trial
from mrisr.pipeline.settings import Settings

from ..Scene import ErrorMap, Maps, Stacks, VolumeBridge
from ..Scene.DicomSeries import DicomSeries, Written
from ..Scene.Records import checkMadeFrom, recordOf
from ..Scene.ScanHeader import knownOf
from ..Scene.ScoreTable import ScoreTable, titleOf
from ..System import Dependencies
from .Job import Job

LONGEST_NAME = 60


class TrialJob(Job):
    """Every model restores the scan, degraded once more. The rows go into ``table`` as they come."""

    stages = ("reading",)

    def __init__(self, source, models: list[str], settings: Settings) -> None:
        super().__init__()
        self.source, self.models, self.settings = source, models, settings
        self.table: ScoreTable | None = None
        self.best = self.sentence = ""

    @property
    def packages(self) -> tuple[str, ...]:
        return Dependencies.packagesFor(self.models)

    def request(self) -> trial.Request:
        VolumeBridge.write(self.source, self.path("input.nrrd"))
        # The whole scan is tried, with one sample a model.
        settings = replace(self.settings, region=None, samples=1, detail=1.0, interval=False)
        settings = replace(settings, known=knownOf(self.source))
        return trial.Request(self.folder / "input.nrrd", tuple(self.models), settings)

    def note(self, event: dict[str, Any]) -> str:
        if event["event"] != "row":
            return super().note(event)
        row = event["row"]
        self._table().add(row)
        return _("{model}: nearness in the head {psnr:.2f} dB (PSNR).").format(
            model=titleOf(row["model"]), psnr=row["psnr_mask"]
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        self.best, self.sentence = final["best"], inWords(final["sentence"], final["best"])
        self._table().mark(self.best)
        return [self._table().node]

    def _table(self) -> ScoreTable:
        if self.table is None:
            self.table = ScoreTable(tableName(self.source), self.source, costs=True)
        return self.table


class ReferenceJob(Job):
    """A result against a reference: a table, the error map, and the reference on the result's grid."""

    stages = ("reading", "registration", "comparison")

    def __init__(self, result, reference, scan=None) -> None:
        super().__init__()
        self.result, self.reference, self.scan = result, reference, scan
        self.sentence = ""

    def request(self) -> comparison.Request:
        for name, node in (("result", self.result), ("reference", self.reference), ("scan", self.scan)):
            if node is not None:
                VolumeBridge.write(node, self.path(f"{name}.nrrd"))
        return comparison.Request(
            self.folder / "result.nrrd",
            self.folder / "reference.nrrd",
            None if self.scan is None else self.folder / "scan.nrrd",
            self.folder / "error.mha",
            self.folder / "aligned.mha",
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        error, aligned = ErrorMap.add(
            self.result,
            self.reference,
            lambda node: VolumeBridge.read(node, final["error"]),
            lambda node: VolumeBridge.read(node, final["aligned"]),
        )
        self.sentence = final["sentence"]
        return [comparedTable(self.result, self.reference, final["rows"]), error, aligned]


class ReportJob(Job):
    """A page about a result; ``patient`` is printed on it if it is not None.

    :raises mrisr.errors.InputError: the result was not made from the scan.
    """

    stages = ("reading", "report")

    def __init__(
        self, scan, result, path: Path, rows: list[dict[str, Any]], patient: str | None = None
    ) -> None:
        checkMadeFrom(scan, result)
        super().__init__()
        self.scan, self.result, self.output, self.rows, self.patient = scan, result, path, rows, patient

    def request(self) -> report.Request:
        maps = mapsOf(self.result)
        files: dict[str, Any] = {key: self.folder / f"{key}.nrrd" for key in maps}
        (self.folder / "scan").mkdir()
        # The file's name is printed where a name is wanted; disks take none that is much longer.
        name = safe_name(self.scan.GetName(), LONGEST_NAME)
        source = str(self.folder / "scan" / (name + ".nrrd"))
        for node, path in [
            (self.scan, source),
            (self.result, self.path("result.nrrd")),
            *((maps[key], str(files[key])) for key in maps),
        ]:
            VolumeBridge.write(node, path)
        return report.Request(
            Path(source),
            self.folder / "result.nrrd",
            self.output,
            rows=tuple(self.rows),
            provenance=recordOf(self.result),
            witness=Stacks.sentenceOf(self.result),
            patient=self.patient,
            **files,
        )

    def collect(self, _final: dict[str, Any]) -> list[Any]:
        return []


class DicomJob(Job):
    """A result as a derived series.

    :param series: that the scan was loaded from.
    :raises mrisr.errors.MrisrError: the result was not made from the scan, or files of the series are gone.
    """

    def __init__(self, scan, result, series: DicomSeries, folder: Path) -> None:
        checkMadeFrom(scan, result)
        self.files = series.files(scan.GetName())
        super().__init__()
        self.result, self.output = result, folder
        self.written: Written | None = None

    def request(self) -> dicom.Request:
        VolumeBridge.write(self.result, self.path("result.nrrd"))
        return dicom.Request(self.folder / "result.nrrd", self.files, self.output, recordOf(self.result))

    def collect(self, final: dict[str, Any]) -> list[Any]:
        self.written = Written(Path(final["output"]), final["files"], final["description"])
        return []


def tableName(source) -> str:
    return _("{scan} models tried").format(scan=source.GetName())


def comparedTable(result, reference, rows: list[dict[str, Any]]):
    """The rows of a comparison as a table node about the result."""
    table = ScoreTable(
        _("{result} against {reference}").format(result=result.GetName(), reference=reference.GetName()),
        result,
        costs=False,
    )
    for row in rows:
        table.add(row)
    table.mark(max(rows, key=lambda row: row["psnr_mask"])["model"])
    return table.node


def mapsOf(result) -> dict[str, Any]:
    """The maps of a result that are in the scene, by the names of the worker's keys."""
    roles = {"residual": Maps.RESIDUAL, "spread": Maps.SPREAD, "error": ErrorMap.ERROR}
    found = {key: result.GetNodeReference(role) for key, role in roles.items()}
    return {key: node for key, node in found.items() if node is not None and node.GetImageData() is not None}


def inWords(sentence: str, best: str) -> str:
    """The engine's sentence with the model's title in place of its name; the names of interpolations are words already."""
    return re.sub(rf"\b{re.escape(best)}(?! interpolation)\b", titleOf(best), sentence)
