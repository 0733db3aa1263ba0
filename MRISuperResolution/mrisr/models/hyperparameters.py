"""Hyperparameters of a card or a configuration, told apart: the network's own, and the settings of the model around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """What every model around a network has to know.

    Args:
        refines: the axes that the network works on at a time: `one`, `two` or `all`; with fewer than all it sees the scan turned so that
            these come first.
        projections: steps of back-projection behind the second estimate that it is shown; 0 for none.
        told: whether planes tell it the profiles of the scan's voxels, as far as they are known.
    """

    refines: str = "all"
    projections: int = 0
    told: bool = False

    @property
    def profiled(self) -> int:
        """How many axes it is told the profiles of: those that it refines at a time, see `conditioning.Inputs`."""
        return (1 if self.refines == "one" else 3) if self.told else 0


def divided(hyperparameters: Mapping[str, Any], kind: type[Kind]) -> tuple[Kind, dict[str, Any]]:
    """The settings of a model, and what is left for its network's constructor.

    Args:
        hyperparameters: of a card or a configuration.
        kind: the dataclass of the settings.

    Raises:
        TypeError: a setting without a default is missing.

    Example:
        >>> divided({"refines": "one", "width": 64}, NetworkSettings)
        (NetworkSettings(refines='one', projections=0, told=False), {'width': 64})
    """
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    own = {name: value for name, value in hyperparameters.items() if name in names}
    return kind(**own), {name: value for name, value in hyperparameters.items() if name not in names}
