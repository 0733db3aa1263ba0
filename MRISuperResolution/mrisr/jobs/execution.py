"""Does the job in a file and tells of it, from `started` to the last word; see `worker`."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

from ..codec import encode
from ..compute.device import resolve
from ..errors import CANCELLED, DEFECT, MISTAKE, SUCCESS, Cancelled, MrisrError, OutOfMemory
from ..image.replacement import FULL
from ..models import catalog
from ..pipeline.settings import AUTO, Settings
from ..progress import CancelToken, Monitor
from .events import Events
from .tasks import read_job


def execute(path: Path, events: Events, cancel: CancelToken) -> int:
    """Do a job; the exit code of a program that does nothing else. No exception leaves it but those that end Python."""
    try:
        task, request = read_job(path)
        _started(request, events)
        reply = task.run(request, Monitor(events.progress, cancel, events.log), events.emit)
        events.emit("finished", **encode(reply))
    except Cancelled:
        events.emit("cancelled")
        return CANCELLED
    except MrisrError as error:
        events.emit("failed", kind=type(error).__name__, message=str(error))
        return MISTAKE
    except MemoryError:
        events.emit("failed", kind=OutOfMemory.__name__, message=FULL)
        return MISTAKE
    except Exception as error:  # the parent shows it; the log keeps where it came from
        traceback.print_exc()
        events.emit(
            "failed",
            kind=type(error).__name__,
            message=f"Something unforeseen went wrong ({error}); see the log.",
        )
        return DEFECT
    return SUCCESS


def _started(request: Any, events: Events) -> None:
    """Say where the model runs, as soon as that is known."""
    model, device, described = getattr(request, "model", None), "cpu", ""
    card = None if model in (None, AUTO) else catalog.find(model)
    settings: Settings | None = getattr(request, "settings", None)
    if card and settings and card.sha256 is not None:
        compute = resolve(settings.device, settings.precision)
        device, described = compute.device, compute.name
    events.emit("started", pid=os.getpid(), model=card and card.name, device=device, device_name=described)
