"""The settings of one run, as the engine takes them."""

from dataclasses import dataclass
from typing import Any

from mrisr.image.grid import Target

from ..Scene.Acquisition import statementOf
from ..Scene.ParameterNode import Consistency, TargetMode
from ..Scene.Region import Box


@dataclass(frozen=True)
class Settings:
    """A model, a target, how the scan was made (see ``mrisr.physics.stated``), and the rest; ``detail`` is a share between 0 and 1."""

    model: str
    target: Target
    acquisition: str | None = None
    consistency: str | int | None = None
    device: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    seed: int = 0
    detail: float = 1.0
    region: Box | None = None
    samples: int = 1

    @classmethod
    def of(cls, parameters, region: Box | None = None) -> "Settings":
        """From the module's parameter node."""
        return cls(
            model=parameters.model,
            target=targetOf(parameters),
            acquisition=statementOf(parameters),
            consistency=Consistency[parameters.consistency.name].value,
            device=parameters.device.value,
            precision=parameters.precision.value,
            tile=parameters.tile or None,
            seed=parameters.seed,
            detail=parameters.detail / 100,
            region=region,
            samples=parameters.samples,
        )

    def asJob(self) -> dict[str, Any]:
        """The part of a worker's job file that says how."""
        target = True if self.target.kind == "isotropic" else list(self.target.values)
        return {
            "model": self.model, "target": {self.target.kind: target}, "acquisition": self.acquisition,
            "consistency": self.consistency, "device": self.device, "precision": self.precision, "tile": self.tile,
            "seed": self.seed, "detail": self.detail, "samples": self.samples,
            "region": None if self.region is None else [list(corner) for corner in self.region],
        }


def targetOf(parameters) -> Target:
    """The engine's target for what the Target section says."""
    if parameters.targetMode is TargetMode.Isotropic:
        return Target.isotropic()
    if parameters.targetMode is TargetMode.Keep:
        return Target.factor(1)
    if parameters.targetMode is TargetMode.Factor:
        return Target.factor((parameters.factor0, parameters.factor1, parameters.factor2))
    return Target.spacing((parameters.spacing0, parameters.spacing1, parameters.spacing2))
