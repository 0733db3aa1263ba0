"""Progress, time left and Cancel of the Examine section."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..Jobs.Plan import duration
from ..Scene.ScoreTable import titleOf
from .RunPanel import startingText
from .RunProgress import TRIED, RunProgress


class ExamineRun:
    """A ``RunListener``; ``then`` names who gets the results of the next run.

    :param idle: called when a run has ended, however it ended.
    """

    def __init__(self, ui, idle) -> None:
        self._ui, self._idle = ui, idle
        self._done: Callable[[list[Any]], None] = lambda _nodes: None
        self._label = ui.examineStatusLabel
        self._progress = RunProgress(ui.examineProgressBar)

    def then(self, done) -> None:
        """``done`` is called with the result nodes when the next run has finished."""
        self._done = done

    def begin(self, job, expected: float | None = None, isReady: bool = False) -> None:
        """A run was handed over; see ``RunPanel.begin``."""
        self._ui.examineRunWidget.visible = True
        self._ui.examineCancelButton.enabled = True
        self._progress.begin(job.stages, expected, job.runs)
        self._ui.logText.clear()
        self.say(startingText(expected, isReady))

    def say(self, sentence: str) -> None:
        self._label.visible = bool(sentence)
        self._label.text = sentence

    def stopping(self) -> None:
        """The user asked to cancel."""
        self._ui.examineCancelButton.enabled = False
        self.say(_("Stopping…"))

    def started(self, device: str) -> None:
        """Where it runs says nothing here: each model of a trial has a device of its own."""

    def progressed(self, stage: str, done: int, total: int) -> None:
        remaining = self._progress.show(stage, done, total)
        if self._ui.examineCancelButton.enabled:
            self.say(_stageText(stage, done, total) + remaining)

    def logged(self, line: str) -> None:
        self._ui.logText.appendPlainText(line)

    def finished(self, nodes: list[Any], summary: dict[str, Any]) -> None:
        self._end()
        self.say(_("Done in {time}.").format(time=duration(summary["seconds"])))
        self._done(nodes)

    def failed(self, message: str) -> None:
        self._end()
        self.say(message)

    def cancelled(self) -> None:
        self._end()
        self.say(_("Cancelled."))

    def _end(self) -> None:
        self._ui.examineRunWidget.visible = False
        self._idle()


def _stageText(stage: str, done: int, total: int) -> str:
    if TRIED in stage:
        model = titleOf(stage.rsplit(", ", 1)[-1])
        return (
            _("Trying {model} ({number} of {count})…").format(model=model, number=done + 1, count=total)
            if done < total
            else (_("Putting the numbers together…"))
        )
    return {
        "reading": _("Reading the scan…"),
        "registration": _("Placing the scans on each other…"),
        "refinement": _("Refining the place of the stack…"),
        "witness": _("Comparing with the stack…"),
        "comparison": _("Comparing…"),
        "report": _("Writing the report…"),
        "writing": _("Writing the series…"),
    }.get(stage, _("Working ({stage})…").format(stage=stage))
