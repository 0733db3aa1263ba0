"""Progress that is reported and cancellation that is asked for, in one object that travels down the road."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import Cancelled

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the number of steps done and their total."""

DETAIL = " · "
"""What follows this in a stage's name is a detail that changes while the stage goes on, such as `training · loss 0.0123`."""


class CancelToken:
    """A flag that another thread may raise."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work that holds this token to stop at its next check."""
        self._event.set()

    def check(self) -> None:
        """Raise `Cancelled` if a stop was asked for."""
        if self._event.is_set():
            raise Cancelled("Stopped as asked; nothing unfinished was left behind.")


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Monitor:
    """What a long computation reports to, and asks whether it should stop.

    Args:
        progress: receives `(stage, done, total)`.
        cancel: checked after each report.
        log: receives sentences worth telling the user, such as a fall-back to a smaller tile.
    """

    progress: Progress = _silent
    cancel: CancelToken = field(default_factory=CancelToken)
    log: Callable[[str], None] = lambda _message: None

    def step(self, stage: str, done: int, total: int) -> None:
        """Report a finished step, then raise `Cancelled` if a stop was asked for."""
        self.progress(stage, done, total)
        self.cancel.check()
