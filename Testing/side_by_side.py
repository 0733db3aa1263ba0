"""Runs pytest side by side on several sets of folders: `python Testing/side_by_side.py "FOLDER ..." "FOLDER ..."`, as `make test` does.

Each line of output is headed by the first folder of its set; all closing lines come last. Each set has one thread to compute with, so that
they do not get in each other's way. Ctrl-C and SIGTERM interrupt all of them, a second one kills them. The exit code is 0 if all passed,
130 if they were interrupted, otherwise 1.
"""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""One thread for torch and numpy, in the processes that tests start as well."""

INTERRUPTED = 130

LOOK_S = 0.05
"""Between two looks at whether a process has ended."""

CLOSING = re.compile(r"\b(passed|failed|error|errors|no tests ran)\b.* in [\d.]+s")
"""pytest's last line; some library may still say something after it."""


class Run:
    """pytest on some folders, in a process group of its own; what it prints goes to the terminal line by line."""

    def __init__(self, folders: list[str]) -> None:
        self.folders, self.closing = folders, "It printed nothing."
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pytest", *folders],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **ALONE},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        name = Path(self.folders[0]).name
        assert self._process.stdout
        for line in self._process.stdout:
            print(f"{name:>9} | {line.rstrip()}", flush=True)
            self.closing = line.strip() if CLOSING.search(line) else self.closing

    def send(self, number: signal.Signals) -> None:
        """Send a signal to pytest and to what its tests have started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.killpg(self._process.pid, number)

    def ended(self) -> int:
        """The exit code, once it has ended and all is printed."""
        # Looked at again and again: of a signal that comes just before the process is waited for, that wait would hear nothing.
        while (code := self._process.poll()) is None or self._reader.is_alive():
            time.sleep(LOOK_S)
        return code


def main(sets: list[str]) -> int:
    """Run all sets; the exit code."""
    runs: list[Run] = []
    # A second signal may come while the first is being handled: `next` and `append` are one step each, and no lock is held, as an event
    # would hold one while it is being set.
    earlier, asked = itertools.count(), list[int]()

    def interrupt(number: int, _frame: object) -> None:
        again = next(earlier) > 0
        asked.append(number)
        for run in runs:
            run.send(signal.SIGKILL if again else signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    for folders in sets:
        if not asked:
            runs.append(Run(folders.split()))
            if asked:  # the signal came while it was being started
                runs[-1].send(signal.SIGINT)
    codes = [run.ended() for run in runs]
    for run, code in zip(runs, codes, strict=True):
        print(f"\n{' '.join(run.folders)}:\n{run.closing}")
        if code < 0:
            print(f"It did not end by itself: {signal.Signals(-code).name}.")
    if asked:
        return INTERRUPTED
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
