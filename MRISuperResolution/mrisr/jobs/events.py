"""What a worker says on its standard output; see `worker`."""

from __future__ import annotations

import json
import threading
from typing import Any, TextIO

from ..codec import encode


class Events:
    """Writes events, one JSON object a line, flushed so that they arrive when they happen. Any thread may.

    Args:
        stream: where to.

    Example:
        >>> import sys
        >>> Events(sys.stdout).log("so far so good")
        {"event": "log", "message": "so far so good"}
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def emit(self, event: str, /, **fields: Any) -> None:
        """Write one event; its fields may be anything that `codec.encode` knows."""
        line = json.dumps({"event": event, **encode(fields)}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Report progress."""
        self.emit("progress", stage=stage, done=done, total=total)

    def log(self, message: str) -> None:
        """Report a sentence."""
        self.emit("log", message=message)
