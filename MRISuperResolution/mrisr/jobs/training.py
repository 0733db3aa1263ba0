"""Train what a configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..progress import Monitor
from ..training.options import Options as Request
from ..training.trainers import read_config, train_family
from .telling import Tell, nothing

__all__ = ["Reply", "Request", "run"]


@dataclass(frozen=True)
class Reply:
    """The folder with what was made: a model, a run or a network's weights."""

    output: Path


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Train.

    Raises:
        MrisrError: the configuration, an option or a scan cannot be used, packages are missing, or the training stopped.
    """
    return Reply(train_family(read_config(request.config), request, monitor or Monitor()))
