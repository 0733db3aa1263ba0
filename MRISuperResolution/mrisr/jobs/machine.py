"""What a worker tells of the computer it runs on, so that the next run's time is known before it begins."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

from ..compute.device import resolve
from ..compute.probe import pace
from ..errors import MrisrError
from ..models import catalog
from ..pipeline.settings import AUTO, Settings
from .telling import Tell, nothing


def tell_speed(settings: Settings, tell: Tell) -> None:
    """Tell how fast this computer convolves, in an event `machine`, before a model with weights runs on it.

    Its fields are `device`, `precision`, `automatic` (the precision that the device gets where nobody asks for one) and those of
    `probe.Pace`. Nothing is told where nobody listens, nor of what cannot run: the run itself says why.

    Args:
        settings: of the run.
        tell: hears it.
    """
    if tell is nothing or settings.model == AUTO:
        return
    with suppress(MrisrError, RuntimeError):
        if catalog.find(settings.model).sha256 is None:
            return
        compute = resolve(settings.device, settings.precision)
        tell(
            "machine",
            device=compute.device,
            precision=compute.precision,
            automatic=resolve(compute.device).precision,
            **asdict(pace(compute)),
        )
