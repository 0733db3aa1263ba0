"""The Examine section for scripts: the same work, here and now, in one call each.

Example::

    logic = MRISuperResolutionLogic()
    table = logic.tryModels(scan, ["edsr3d-iso2", "gradient-filters-iso2"], factor=2)  # without names, all that fit
    result = logic.process(scan, model=table.GetAttribute("MRISuperResolution.best"), factor=2)
    print(logic.compareWithReference(result, reference, scan).sentence)
    logic.report(result, "report.html")
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Jobs.ExamineJobs import comparedTable, mapsOf, tableName
from .Scene import ErrorMap, Records, Refusals, ScoreTable, Stacks, VolumeBridge
from .Scene.DicomSeries import DicomSeries, Written
from .Scene.Profile import Profile
from .Scene.Records import checkMadeFrom, recordOf, scanOf
from .Scene.ScanHeader import knownOf, patientOf
from .System.Dependencies import NETWORK, Dependencies, packagesFor


@dataclass(frozen=True)
class Comparison:
    """What a comparison with a reference gave.

    :param table: table node; ``slicer.util.dataframeFromTable`` reads it; its columns have the engine's names, such as ``psnr_mask``.
    :param error: volume node, result minus reference, in the reference's units.
    :param aligned: volume node, the reference on the result's grid.
    :param rows: the scores in the engine's names, the result first.
    """

    table: Any
    error: Any
    aligned: Any
    rows: list[dict[str, Any]]
    sentence: str
    rotationDegrees: float
    translationMm: float


def tryModels(
    volume,
    models: list[str] | None = None,
    *,
    factor=None,
    spacing=None,
    isotropic: bool = False,
    monitor=None,
    **settings: Any,
):
    """Which model restores this scan best, once it was degraded again; a table node with a row for each.

    :param models: names that ``mrisr models`` lists; None for all that were trained for what is planned. The interpolations are
        always among them.
    :param factor: what is planned for the scan, as in ``process``.
    :param spacing: as there.
    :param isotropic: as there.
    :param settings: acquisition, consistency, device, precision, tile, seed.
    :raises ValueError: the volume cannot be used; the message says why.
    :raises DependencyError: a model needs packages that are not there and were not installed.
    :raises mrisr.errors.MrisrError: the scan is too small, or there is no such model.
    """
    from mrisr.evaluation.trial import fitting, try_on
    from mrisr.pipeline.planning import plan
    from mrisr.pipeline.settings import Settings, informed

    from .Logic import targetFor

    _refuse(Refusals.ofInput(volume))
    scan = VolumeBridge.scanFromNode(volume)
    settings = {"known": knownOf(volume), **settings}
    chosen = informed(Settings(target=targetFor(factor, spacing, isotropic), **settings), scan)
    planned = plan(scan.grid, chosen.target, chosen.acquisition, known=chosen.known)
    names = fitting(planned.factor, planned.acquisition, chosen.device) if models is None else models
    Dependencies().ensure(packagesFor(names))
    trial = try_on(scan, names, chosen, name=volume.GetName(), monitor=monitor)
    table = ScoreTable.ScoreTable(tableName(volume), volume, costs=True)
    for row in trial.rows:
        table.add(asdict(row))
    table.mark(trial.best)
    return table.node


def compareWithReference(result, reference, scan=None, monitor=None) -> Comparison:
    """Register a reference of the same subject to a result (rigidly) and measure how near the result comes to it.

    :param scan: what the result was made from; adds plain interpolation of it. By default the scan that the result names.
    :raises ValueError: a volume cannot be used; the message says why.
    """
    from mrisr.evaluation.reference import compare_with

    scan = scan or scanOf(result)
    _refuse(Refusals.ofInput(result) or Refusals.ofInput(reference))
    found = compare_with(
        VolumeBridge.volumeFromNode(result),
        VolumeBridge.scanFromNode(reference),
        None if scan is None else VolumeBridge.scanFromNode(scan),
        monitor=monitor,
    )
    rows = [asdict(row) for row in found.rows]
    error, aligned = ErrorMap.add(
        result,
        reference,
        lambda node: VolumeBridge.updateNode(node, found.error),
        lambda node: VolumeBridge.updateNode(node, found.aligned.volume),
    )
    return Comparison(
        comparedTable(result, reference, rows),
        error,
        aligned,
        rows,
        found.sentence,
        found.aligned.rotation_degrees,
        found.aligned.translation_mm,
    )


def witness(result, stack, scan=None, monitor=None, **settings: Any):
    """Which share of the detail that a result adds another stack of the same subject confirms; a ``mrisr.trust.testimony.Testimony``.

    The map of where it does becomes a volume node beside the result (``result.GetNodeReference("MRISuperResolutionAgreement")``).

    :param stack: volume node of a scan of the same subject and contrast, cut in another direction.
    :param scan: what the result was made from; by default the scan that the result names.
    :param settings: acquisition, how the stack was made, as ``"slices:3"``; device.
    :raises ValueError: the scan is not known, or a volume cannot be used.
    :raises DependencyError: packages are not there and were not installed.
    :raises mrisr.errors.MrisrError: the volumes do not go together.
    """
    from mrisr.fusion.suitability import Scan, check_same_subject
    from mrisr.fusion.witnessing import witness as asked

    scan = _scanFor(result, scan)
    _refuse(Refusals.ofInput(stack))
    checkMadeFrom(scan, result)
    Dependencies().ensure(NETWORK)
    one, other = (
        Scan(node.GetName(), VolumeBridge.scanFromNode(node), patientOf(node)) for node in (scan, stack)
    )
    check_same_subject([one, other])
    settings = {"known": knownOf(stack), **settings}
    found = asked(VolumeBridge.volumeFromNode(result), one.volume, other, monitor=monitor, **settings)
    sentence = found.testimony.sentence
    Stacks.addAgreement(result, stack, lambda node: VolumeBridge.updateNode(node, found.map), sentence)
    return found.testimony


def profile(line, scan=None, result=None, reference=None, show: bool = True) -> Profile:
    """Intensities along a Markups line, as a chart; ``update()`` of what is returned reads them anew.

    :param show: bring up a layout with the chart.
    """
    found = Profile(line, scan, result, ErrorMap.alignedFor(result, reference))
    if show:
        slicer.modules.plots.logic().ShowChartInLayout(found.chart)
    return found


def report(result, path: str | Path, scan=None, patient: str | None = None, monitor=None) -> Path:
    """Write one HTML page about a result: slices, maps, the latest table, the model's card, settings and checksums.

    :param scan: what the result was made from; by default the scan that the result names.
    :param patient: a name to print; None prints no name, nor those of volumes.
    :raises ValueError: the scan is not known, or a volume cannot be used.
    :raises mrisr.errors.InputError: the result was not made from the scan, or was changed since.
    :raises mrisr.errors.FileError: the page cannot be written.
    """
    from mrisr.reports.report import Maps, write_report

    scan = _scanFor(result, scan)
    checkMadeFrom(scan, result)
    table = ScoreTable.latestFor(result) or ScoreTable.latestFor(scan)
    maps = Maps(**{key: VolumeBridge.volumeFromNode(node) for key, node in mapsOf(result).items()})
    write_report(
        path,
        VolumeBridge.scanFromNode(scan),
        VolumeBridge.volumeFromNode(result),
        recordOf(result),
        maps=maps,
        rows=ScoreTable.rowsOf(table) if table is not None else (),
        witness=Stacks.sentenceOf(result),
        patient=patient,
        name=scan.GetName(),
        monitor=monitor,
    )
    return Path(path)


def exportDicom(
    result, folder: str | Path, scan=None, source: str | Path | None = None, monitor=None
) -> Written:
    """Write a result as a derived DICOM series of the same patient and study.

    :param folder: an empty or new one.
    :param scan: what the result was made from, loaded from DICOM; by default the scan that the result names.
    :param source: the scan's series, for a scan that Slicer's DICOM database does not know: its folder, or one of its files.
    :raises ValueError: the scan's series is not known, or the result has no record; the message says why.
    :raises mrisr.errors.InputError: the result was not made from the scan or its series, does not lie on it, or was changed since.
    :raises mrisr.errors.FileError: the folder is not empty.
    """
    from mrisr.reports.dicom_export import export_dicom

    _refuse(Refusals.ofInput(result) or Records.problemOf(result))
    if source is None:
        scan = _scanFor(result, scan)
        checkMadeFrom(scan, result)
        series = DicomSeries.ofNode(scan)
        _refuse(series.problem)
    files = source or series.files(scan.GetName())
    done = export_dicom(VolumeBridge.volumeFromNode(result), files, folder, recordOf(result), monitor)
    return Written(done.folder, done.files, done.description)


def _scanFor(result, scan):
    scan = scan or scanOf(result)
    if scan is None:
        raise ValueError(_("The scan that the result was made from is not known; name it with scan=."))
    _refuse(Refusals.ofInput(scan) or Refusals.ofInput(result))
    return scan


def _refuse(problem: str) -> None:
    if problem:
        raise ValueError(problem)
