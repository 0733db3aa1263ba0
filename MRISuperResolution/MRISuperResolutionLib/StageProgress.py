"""A progress bar that follows the stages of a run, and says how long the one under way will take."""

import time

from slicer.i18n import tr as _

from .Plan import duration

SOON = 1.0
"""Seconds of a stage before which nothing is said of its end."""


class StageProgress:
    """Drives a ``QProgressBar``."""

    def __init__(self, bar) -> None:
        self._bar = bar
        self._stage, self._began = "", 0.0

    def begin(self) -> None:
        """A run starts; nothing is known yet."""
        self._stage = ""
        self._showBusy()

    def show(self, stage: str, done: int, total: int) -> str:
        """So much of a stage is done; how long the rest will take, as a sentence, or nothing."""
        if stage != self._stage:
            self._stage, self._began = stage, time.monotonic()
        if total > 1:
            self._bar.maximum = total
            self._bar.value = done
        else:
            self._showBusy()
        spent = time.monotonic() - self._began
        if not 0 < done < total or spent < SOON:
            return ""
        return _(" About {time} left.").format(time=duration(spent / done * (total - done)))

    def _showBusy(self) -> None:
        """A bar without an end: how long this stage takes is not known."""
        self._bar.maximum = 0
        self._bar.value = 0
