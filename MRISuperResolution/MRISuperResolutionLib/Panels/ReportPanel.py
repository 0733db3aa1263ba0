"""Report and DICOM: what leaves Slicer."""

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..Jobs.ExamineJobs import DicomJob, ReportJob
from ..Scene import Records, Refusals, ScoreTable
from ..Scene.DicomSeries import DicomSeries, importFolder, openedDatabase
from .PanelState import PanelState


class ReportPanel:
    """``start`` is called with a function that makes the job and one that takes the results."""

    def __init__(self, ui, start) -> None:
        self._ui, self._start = ui, start
        self._parameters: Any = None
        self._idle, self._series = True, DicomSeries()
        self._written: Path | None = None
        self._job: Any = None  # the last one, made before any result of it comes
        self._named: Any = None
        self._exportedText = ""
        for path in (ui.reportPath, ui.dicomPath):
            path.currentPathChanged.connect(self._update)
            path.validInputChanged.connect(
                self._update
            )  # the other one is silent about a name that no filter knows, and an emptied one
        ui.patientCheckBox.toggled.connect(self._update)
        ui.reportButton.clicked.connect(self._report)
        ui.openReportButton.clicked.connect(self._open)
        ui.dicomButton.clicked.connect(self._export)

    def show(self, state: PanelState) -> None:
        self._parameters, self._idle = state.parameters, state.idle
        scan = state.parameters.examinedScan
        self._series = DicomSeries.ofNode(scan)
        if scan is not self._named:
            self._named = scan
            self._ui.patientLineEdit.text = self._series.patient
            self._ui.patientCheckBox.checked = False
            self._exportedText = ""
        self._update()

    def forget(self) -> None:
        """The scene closes."""
        self._parameters, self._job, self._named, self._series = None, None, None, DicomSeries()
        self._ui.patientLineEdit.text = ""
        self._ui.patientCheckBox.checked = False
        self._say(self._ui.reportLabel, "")
        self._say(self._ui.dicomLabel, "")

    def _update(self, *_arguments) -> None:
        problem = self._problem()
        self._enable(
            self._ui.reportButton,
            problem or ("" if self._reportPath else _("Choose the file to write; its name ends in .html.")),
            _("Put slices, maps, tables, the model's card, settings and checksums on one page."),
        )
        self._enable(
            self._ui.dicomButton,
            problem
            or self._series.problem
            or Records.problemOf(self._parameters.examinedResult)
            or self._folderProblem(),
            _(
                "Write the result as a derived series of the same patient and study, marked as AI-enhanced and not for diagnosis."
            ),
        )
        if not self._exportedText:
            self._say(
                self._ui.dicomLabel,
                self._series.problem
                if self._parameters is not None and self._parameters.examinedScan
                else "",
            )
        self._ui.patientLineEdit.enabled = self._ui.patientCheckBox.checked
        self._ui.openReportButton.enabled = self._written is not None and self._written.is_file()
        self._ui.dicomImportCheckBox.enabled = openedDatabase() is not None

    def _enable(self, button, problem: str, toolTip: str) -> None:
        button.enabled = self._idle and not problem
        button.toolTip = problem or toolTip

    def _problem(self) -> str:
        if (
            self._parameters is None
            or self._parameters.examinedScan is None
            or self._parameters.examinedResult is None
        ):
            return _("Choose the scan and the result above.")
        if self._parameters.examinedScan is self._parameters.examinedResult:
            return _("The scan and the result must be two volumes.")
        return Refusals.ofInput(self._parameters.examinedScan) or Refusals.ofInput(
            self._parameters.examinedResult
        )

    @property
    def _reportPath(self) -> Path | None:
        """Only what the field's filter knows, since of other names Slicer does not tell."""
        path = Path(self._ui.reportPath.currentPath)
        return path if path.suffix == ".html" and path.stem else None

    def _folderProblem(self) -> str:
        text = self._ui.dicomPath.currentPath
        if not text:
            return _("Choose the folder to write into.")
        folder = Path(text)
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        return (
            _("{folder} holds something already; choose an empty or new folder.").format(folder=folder)
            if taken
            else ""
        )

    def _report(self, *_arguments) -> None:
        self._say(self._ui.reportLabel, "")
        self._start(self._makeReport, self._reported)

    def _makeReport(self) -> ReportJob:
        scan, result = self._parameters.examinedScan, self._parameters.examinedResult
        table = ScoreTable.latestFor(result) or ScoreTable.latestFor(scan)
        patient = self._ui.patientLineEdit.text if self._ui.patientCheckBox.checked else None
        rows = ScoreTable.rowsOf(table) if table is not None else []
        self._job = ReportJob(scan, result, Path(self._ui.reportPath.currentPath), rows, patient)
        return self._job

    def _reported(self, _nodes: list) -> None:
        self._written = self._job.output
        self._say(self._ui.reportLabel, _("The report is in {path}.").format(path=self._written))
        self._update()

    def _open(self, *_arguments) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._written)))

    def _export(self, *_arguments) -> None:
        self._exportedText = ""
        self._say(self._ui.dicomLabel, "")
        self._start(self._makeSeries, self._exported)

    def _makeSeries(self) -> DicomJob:
        self._job = DicomJob(
            self._parameters.examinedScan,
            self._parameters.examinedResult,
            self._series,
            Path(self._ui.dicomPath.currentPath),
        )
        return self._job

    def _exported(self, _nodes: list) -> None:
        written = self._job.written
        sentence = _("{count} files of the series “{name}” are in {folder}.").format(
            count=written.files, name=written.description, folder=written.folder
        )
        if self._ui.dicomImportCheckBox.enabled and self._ui.dicomImportCheckBox.checked:
            done = importFolder(written.folder)
            sentence += " " + (
                _("They were added to the DICOM database.")
                if done
                else _(
                    "They could not be added to the DICOM database; import the folder in the DICOM module."
                )
            )
        self._exportedText = sentence
        self._say(self._ui.dicomLabel, sentence)
        self._update()

    @staticmethod
    def _say(label, sentence: str) -> None:
        label.visible = bool(sentence)
        label.text = sentence
