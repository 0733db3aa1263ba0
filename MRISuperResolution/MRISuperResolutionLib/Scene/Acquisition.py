"""How the scan was made: what the user states, in the engine's words."""

from typing import cast

from mrisr.errors import InputError
from mrisr.physics.stated import Kind, Stated

from .ParameterNode import Making

AXES = (("alongR", "R"), ("alongA", "A"), ("alongS", "S"))
"""The settings that name the directions, and the engine's letters for them."""


def statementOf(parameters) -> str | None:
    """The statement as the engine reads it; None while nothing is stated.

    :raises mrisr.errors.InputError: no direction is named, or the number makes no sense.
    """
    making = parameters.making.name
    if making == Making.Unknown.name:
        return None
    kind = cast("Kind", Making[making].value)
    axes = (
        ""
        if making == Making.Slices.name
        else "".join(letter for name, letter in AXES if getattr(parameters, name))
    )
    if making != Making.Slices.name and not axes:
        raise InputError("Name at least one direction in which the scan was made like this.")
    return Stated(kind, _value(parameters, kind), axes).text


def _value(parameters, kind: str) -> float:
    return {
        "slices": parameters.thickness,
        "kspace": parameters.kspacePercent / 100,
        "blur": parameters.blurWidth,
    }.get(kind, parameters.interpolationFactor)
