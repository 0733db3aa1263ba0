"""The settings of one run, as the engine takes them, from the panel's."""

from dataclasses import fields
from enum import Enum

from mrisr.errors import MrisrError
from mrisr.image.grid import Target
from mrisr.models import catalog
from mrisr.pipeline.settings import Settings, consistency_steps

from ..Scene.Acquisition import statementOf
from ..Scene.ParameterNode import Consistency, TargetMode
from ..Scene.Region import Box


def settingsOf(parameters, region: Box | None = None) -> Settings:
    """From the module's parameter node: every setting has the parameter of its name; some need more than that."""
    names = [field.name for field in fields(Settings) if hasattr(parameters, field.name)]
    found = {name: getattr(parameters, name) for name in names}
    return Settings(
        **{
            **{name: value.value if isinstance(value, Enum) else value for name, value in found.items()},
            "target": targetOf(parameters),
            "acquisition": statementOf(parameters),
            "consistency": consistency_steps(Consistency[parameters.consistency.name].value),
            "tile": parameters.tile or None,
            "detail": parameters.detail / 100,
            "interval": parameters.interval and hasInterval(parameters.model),
            "region": region,
        }
    )


def hasInterval(model: str) -> bool:
    """Whether somebody has measured how far the truth lies from a model's results."""
    try:
        return bool(catalog.find(model).intervals)
    except MrisrError:
        return False


def targetOf(parameters) -> Target:
    """The engine's target for what the Target section says."""
    if parameters.targetMode is TargetMode.Isotropic:
        return Target.isotropic()
    if parameters.targetMode is TargetMode.Keep:
        return Target.factor(1)
    if parameters.targetMode is TargetMode.Factor:
        return Target.factor((parameters.factor0, parameters.factor1, parameters.factor2))
    return Target.spacing((parameters.spacing0, parameters.spacing1, parameters.spacing2))
