"""A piece of work as data: what the command line and the GUI hand to the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..image.grid import Target
from ..pipeline.enhancement import Region, Settings

TASKS = ("enhance", "simulate", "batch", "check", "own", "compare", "report", "dicom")

WRITING = ("enhance", "simulate", "report", "dicom")
"""The tasks that cannot do without an output."""

SETTINGS = ("model", "acquisition", "detail", "device", "precision", "tile", "seed", "samples", "steps")


@dataclass(frozen=True)
class Job:
    """What to do, on which files, how.

    Args:
        task: one of `TASKS`.
        inputs: scans; one, but of `batch`.
        outputs: as many, or none where a task writes none.
        residual, spread: where `enhance` writes these volumes, if anywhere.
        settings: for `enhance`, `batch` and the tasks that run models.
        protocol, axis, seed: for `simulate`.
        data: the whole file, for the keys that only one task has.
    """

    task: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    residual: Path | None = None
    spread: Path | None = None
    settings: Settings = field(default_factory=Settings)
    protocol: str = "iso2"
    axis: int | None = None
    seed: int = 0
    data: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job in a JSON file.

        Raises:
            InputError: it is none.
        """
        try:
            return cls.of(json.loads(path.read_text(encoding="utf-8")))
        except KeyError as error:
            raise InputError(f"The job file {path} lacks {error}; see mrisr.worker for what belongs into it.") from error
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"The job file {path} cannot be used ({error}); see mrisr.worker for what belongs into it.") from error

    @classmethod
    def of(cls, data: dict[str, Any]) -> Job:
        """The job with this content, see `worker`."""
        if data["task"] not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}")
        batch = data["task"] == "batch"
        inputs = data["inputs"] if batch else [data["input"]]
        outputs = data["outputs"] if batch else [data["output"]] if data["task"] in WRITING or data.get("output") else []
        if outputs and len(inputs) != len(outputs):
            raise ValueError("inputs and outputs differ in number")
        residual, spread = data.get("residual"), data.get("spread")
        return cls(
            task=data["task"],
            inputs=tuple(Path(p) for p in inputs),
            outputs=tuple(Path(p) for p in outputs),
            residual=Path(residual) if residual else None,
            spread=Path(spread) if spread else None,
            settings=_settings(data),
            protocol=str(data.get("protocol", "iso2")),
            axis=data.get("axis"),
            seed=int(data.get("seed", 0)),
            data=data,
        )


def consistency_steps(text: str | int | None) -> int | None:
    """`off` as 0, a number of steps as itself, None (the card's choice) as None.

    Raises:
        InputError: it is none of them.
    """
    if text is None:
        return None
    if text == "off":
        return 0
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"The consistency must be off or a number of steps; got {text!r}.") from error


def _settings(data: dict[str, Any]) -> Settings:
    given = {key: data[key] for key in SETTINGS if data.get(key) is not None}
    return Settings(
        **given,
        target=_target(data.get("target")),
        consistency=consistency_steps(data.get("consistency")),
        region=_region(data.get("region")),
        residual=bool(data.get("residual")),
    )


def _target(data: dict[str, Any] | None) -> Target | None:
    if not data:
        return None
    if "factor" in data:
        return Target.factor(data["factor"])
    if "spacing" in data:
        return Target.spacing(data["spacing"])
    return Target.isotropic()


def _region(data: Any) -> Region | None:
    if data is None:
        return None
    (i0, j0, k0), (i1, j1, k1) = ([int(v) for v in corner] for corner in data)
    return (i0, j0, k0), (i1, j1, k1)
