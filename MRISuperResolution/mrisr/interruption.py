"""SIGINT and SIGTERM of a program: the first asks its work to stop, a second one ends the process at once, both with exit code 130.

Neither raises an exception where it happens to come, in the middle of a library that may replace or swallow it.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from .errors import CANCELLED
from .progress import CancelToken

SIGNALS = (signal.SIGINT, signal.SIGTERM)

ASKED = CancelToken()
"""What the signals raise in a program that does one thing; `commands._options.monitor` hands it down."""


class Interruption:
    """Takes the signals of this process from here on; only its main thread may make one, and only one.

    A signal that whoever started the process wants ignored, as a shell does in the background, stays ignored.

    Args:
        ask: called at the first signal, between any two steps of the main thread: it must not wait for a lock that may be held there.

    Example:
        >>> signals = Interruption()  # doctest: +SKIP
        >>> sys.exit(signals.code(work(Monitor(cancel=ASKED))))  # doctest: +SKIP
    """

    def __init__(self, ask: Callable[[], object] = ASKED.cancel) -> None:
        self._ask, self._came, self._over = ask, False, False
        there, self._here = socket.socketpair()
        self._here.setblocking(False)
        signal.set_wakeup_fd(self._here.fileno(), warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):  # Windows has no forks
            os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
        threading.Thread(target=_end_at_second, args=(there,), daemon=True).start()
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    def code(self, code: int) -> int:
        """The exit code of a program whose work has ended with this one. Signals that come later end the process at once."""
        self._over = True
        return CANCELLED if self._came else code

    def _take(self, *_signal: object) -> None:
        if self._came or self._over:
            os._exit(CANCELLED)
        self._came = True
        self._ask()


def _end_at_second(numbers: socket.socket) -> None:
    """Ends the process at a second signal also where the main thread is busy in a library and takes none."""
    came = 0
    while came < 2:
        came += numbers.recv(1)[0] in SIGNALS  # not such as that of a child that has ended
    os._exit(CANCELLED)


def leave(code: int) -> NoReturn:
    """End the process as `sys.exit` does, but not waiting for threads nor taking Python apart, when no handler hears a signal."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
