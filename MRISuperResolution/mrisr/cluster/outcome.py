"""One task, tried: whatever goes wrong with it is told, and the others go on."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compute.memory import is_out_of_memory
from ..errors import Cancelled, FileError, InputError, MrisrError, OutOfMemory, WriteError
from ..image.replacement import FULL, first_line
from ..progress import Monitor

Work = Callable[[Any, Monitor], Any]
"""Takes one item and a monitor. Workers elsewhere import it by its name."""

FILE, INPUT, WRITING = FileError.__name__, InputError.__name__, WriteError.__name__
MEMORY, LOST, DEFECT, STOPPED = OutOfMemory.__name__, "LostWorker", "Defect", Cancelled.__name__


@dataclass(frozen=True)
class Failed:
    """What went wrong with a task.

    Args:
        kind: of the error: an `MrisrError`'s class by its name, `LostWorker` or `Defect`.
        message: a sentence.
    """

    kind: str
    message: str

    @property
    def passing(self) -> bool:
        """Whether the next run may fare better with the same scan: it has to do with the computers or with what is installed there."""
        return self.kind not in (FILE, INPUT)


def attempt(work: Work, item: Any, monitor: Monitor) -> Any:
    """What `work` makes of `item`; a `Failed` where it fails.

    Raises:
        Cancelled: a stop was asked for.
    """
    try:
        return work(item, monitor)
    except Cancelled:
        raise
    except MrisrError as error:
        return Failed(type(error).__name__, str(error))
    except Exception as error:  # one scan's defect is not to end the others' work
        if is_out_of_memory(error):
            return Failed(MEMORY, FULL)
        return Failed(DEFECT, _unforeseen(error))


def _unforeseen(error: Exception) -> str:
    """A sentence that says where it came from; without the values of variables, which may hold names."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"Something unforeseen went wrong ({type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {first_line(error)})."
