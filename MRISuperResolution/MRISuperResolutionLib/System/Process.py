"""The child process that computes, with its whole tree."""

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Protocol

from slicer.i18n import tr as _

END = None

GONE_S = 1.0
"""So long a process that was killed may take to be gone."""


class Process(Protocol):
    """What the runner needs of a process."""

    def start(self, arguments: list[str], folder: Path) -> None: ...

    def lines(self) -> list[str]: ...

    def send(self, line: str) -> None: ...

    def exitCode(self) -> int | None: ...

    @property
    def status(self) -> int | None: ...

    def kill(self) -> None: ...


class PythonProcess:
    """Slicer's Python in a process group of its own, so that the launcher and its child go together.

    A thread reads the output into a queue; everything else happens in the caller's thread.
    """

    def __init__(self) -> None:
        self._process: Any = (
            None  # a Popen once it has started; its type does not tell that its pipes are there
        )
        self._queue: queue.Queue = queue.Queue()
        self._drained = False
        self._closed = threading.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, arguments: list[str], folder: Path) -> None:
        python = shutil.which("PythonSlicer")
        if python is None:
            raise FileNotFoundError(_("Slicer's Python (PythonSlicer) was not found; install Slicer again."))
        self._process = subprocess.Popen(
            [python, *arguments],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            **_ownGroup(),
        )
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def lines(self) -> list[str]:
        """The lines that came since the last call."""
        found = []
        while not self._queue.empty():
            line = self._queue.get()
            self._drained = line is END
            if line is not END:
                found.append(line)
        return found

    def send(self, line: str) -> None:
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            pass  # the process has ended; its exit is noticed by exitCode

    def exitCode(self) -> int | None:
        """The exit code once the process has ended and all its output was taken."""
        return self.status if self._drained else None

    @property
    def status(self) -> int | None:
        """The exit code once the process has ended; None while it lives."""
        return self._process.poll()

    def kill(self) -> None:
        """End the process and all its descendants, and wait until it is gone."""
        if self.status is None or not self._closed.is_set():
            # Otherwise nobody has its output any more, and its number may be another's by now.
            with contextlib.suppress(OSError):
                _killTree(self._process.pid)
        self._process.kill()  # where the tree could not be ended, at least this
        self._process.wait()
        with contextlib.suppress(OSError):  # what could not be sent is still in the buffer
            self._process.stdin.close()

    def _read(self, stream) -> None:
        for line in stream:
            self._queue.put(line.rstrip("\n"))
        stream.close()
        self._closed.set()
        self._queue.put(END)
        self._process.wait()  # so that it does not stay as a zombie where nobody asks


def _ownGroup() -> dict:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _killTree(pid: int) -> None:
    if sys.platform == "win32":
        _killWindowsTree(pid)
        return
    # It ended by itself in the meantime; macOS refuses to signal a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _killWindowsTree(pid: int) -> None:
    """By Windows' own program, wherever it is; without it by psutil, which is installed with what the models need."""
    system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
    for program in ("taskkill", str(system)):  # a PATH without System32
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(
                [program, "/T", "/F", "/PID", str(pid)],
                capture_output=True,
                check=False,
                creationflags=subprocess.CREATE_NO_WINDOW,  # type: ignore[attr-defined]  # of Windows
            )
            return
    try:
        import psutil
    except ImportError:
        return
    with contextlib.suppress(psutil.Error):
        tree = psutil.Process(pid).children(recursive=True)
        for each in tree:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(tree, timeout=GONE_S)
