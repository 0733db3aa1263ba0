"""The 3-D network behind the loss `features`: trained like a family, though no model is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.family import Family

if TYPE_CHECKING:
    from ...progress import Monitor


def _train(table: dict[str, Any], options: Any, monitor: Monitor) -> Path:
    from .training import train

    return train(table, options, monitor)


FAMILY = Family(name="features3d", training=_train)
