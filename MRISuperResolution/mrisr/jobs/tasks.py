"""The tasks by name: a frozen request, and what does it and replies. A new task is a file here and a line below."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..codec import decode, encode
from ..errors import InputError
from . import (
    batch,
    bids,
    bids_group,
    check,
    comparison,
    dicom,
    enhancement,
    fusion,
    report,
    simulation,
    training,
    trial,
    witness,
)


@dataclass(frozen=True)
class Task:
    """One kind of work.

    Args:
        request: the dataclass of what can be asked for.
        run: takes a request, a monitor and whom to tell of events; returns the dataclass of the reply.
    """

    request: type
    run: Callable[..., Any]


TASKS = {
    "enhancement": Task(enhancement.Request, enhancement.run),
    "batch": Task(batch.Request, batch.run),
    "bids": Task(bids.Request, bids.run),
    "bids-group": Task(bids_group.Request, bids_group.run),
    "simulation": Task(simulation.Request, simulation.run),
    "check": Task(check.Request, check.run),
    "trial": Task(trial.Request, trial.run),
    "comparison": Task(comparison.Request, comparison.run),
    "report": Task(report.Request, report.run),
    "dicom": Task(dicom.Request, dicom.run),
    "fusion": Task(fusion.Request, fusion.run),
    "witness": Task(witness.Request, witness.run),
    "training": Task(training.Request, training.run),
}


def written_job(request: Any) -> dict[str, Any]:
    """A request as a job file has it: its fields, and the name of its task.

    Raises:
        KeyError: no task has such requests.
    """
    names = {task.request: name for name, task in TASKS.items()}
    return {"task": names[type(request)], **encode(request)}


def read_job(path: Path) -> tuple[Task, Any]:
    """The task and the request in a job file.

    Raises:
        InputError: the file cannot be read, or is no job; the message says what is wrong with it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        task = TASKS[data.pop("task")]
    except KeyError as error:
        raise InputError(
            f"The job file {path} names no task that there is ({error}); known are {', '.join(TASKS)}."
        ) from error
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"The job file {path} cannot be used ({error}).") from error
    return task, decode(task.request, data, f"The job file {path}")
