"""Apply, Cancel, progress, status and log."""

from typing import Any

from slicer.i18n import tr as _

from ..Jobs.Plan import duration
from .PanelState import PanelState
from .RunProgress import RunProgress

SHORT_S = 5
"""Runs that take less are not announced with a time."""


def startingText(expected: float | None, isReady: bool = False) -> str:
    """What is said until the first news of a run.

    :param isReady: the worker has loaded what it needs.
    """
    begun = (
        _("Starting…")
        if isReady
        else _("Starting: Python and the model are loaded first, which takes a few seconds.")
    )
    if expected is None or expected < SHORT_S:
        return begun
    return begun + " " + _("The run will take about {time}.").format(time=duration(expected))


class RunPanel:
    """A ``RunListener`` that shows what a run tells, and passes its results on to ``finishedWith``.

    :param idle: called when a run has ended, however it ended.
    """

    def __init__(self, ui, finishedWith, idle) -> None:
        self._ui, self._finishedWith, self._idle = ui, finishedWith, idle
        self._progress = RunProgress(ui.progressBar)

    def show(self, state: PanelState) -> None:
        """Whether Apply can be pressed; if not, why. What a run has said stays until then."""
        label, refusal = self._ui.statusLabel, state.refusal
        self._ui.applyButton.enabled = state.idle and not refusal
        if state.idle and (refusal or not label.text or label.property("refusal")):
            label.setProperty("refusal", bool(refusal))
            self.say(refusal)

    def begin(self, job, expected: float | None = None, isReady: bool = False) -> None:
        """A run was handed over.

        :param expected: seconds it will take; None if that is not known.
        :param isReady: see ``startingText``.
        """
        self._ui.applyButton.visible = False
        self._ui.cancelButton.visible = True
        self._ui.cancelButton.enabled = True
        self._ui.progressBar.visible = True
        self._ui.verdictWidget.visible = False  # that of another result
        self._progress.begin(job.stages, expected, job.runs)
        self._ui.logText.clear()
        self.say(startingText(expected, isReady))

    def say(self, sentence: str) -> None:
        self._ui.statusLabel.text = sentence

    def stopping(self) -> None:
        """The user asked to cancel."""
        self._ui.cancelButton.enabled = False
        self.say(_("Stopping…"))

    def started(self, device: str) -> None:
        names = {
            "cpu": _("the processor"),
            "cuda": _("the graphics card"),
            "mps": _("the graphics processor"),
        }
        self.logged(_("Running on {device}.").format(device=names.get(device, device)))

    def progressed(self, stage: str, done: int, total: int) -> None:
        remaining = self._progress.show(stage, done, total)
        if self._ui.cancelButton.enabled:
            self.say(self._stageText(stage) + remaining)

    def logged(self, line: str) -> None:
        self._ui.logText.appendPlainText(line)

    def finished(self, nodes: list[Any], summary: dict[str, Any]) -> None:
        self._end()
        self.say(_("Done in {time}.").format(time=duration(summary["seconds"])))
        if summary.get("warning"):
            self.logged(summary["warning"])
        self._finishedWith(nodes)

    def failed(self, message: str) -> None:
        self._end()
        self.logged(message)
        self.say(message)

    def cancelled(self) -> None:
        self._end()
        self.say(_("Cancelled. Nothing was added to the scene."))

    def _end(self) -> None:
        self._ui.cancelButton.visible = False
        self._ui.applyButton.visible = True
        self._ui.progressBar.visible = False
        self._idle()

    @staticmethod
    def _stageText(stage: str) -> str:
        return {
            "reading": _("Reading the scan…"),
            "interpolation": _("Interpolating…"),
            "model": _("Enhancing…"),
            "sampling": _("Enhancing…"),
            "samples": _("Enhancing, one sample after the other…"),
            "consistency": _("Making the result agree with the scan…"),
            "simulation": _("Simulating the scan…"),
            "writing": _("Writing the result…"),
        }.get(stage, _("Working ({stage})…").format(stage=stage))
