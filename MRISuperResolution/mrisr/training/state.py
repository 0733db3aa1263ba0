"""Where a training stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class State:
    """Where a training stands.

    Args:
        step: steps taken.
        elapsed: seconds spent, earlier sittings included.
        losses: of each step.
        validations: what each validation found.
        best: the highest gain seen in a validation.
    """

    step: int = 0
    elapsed: float = 0.0
    losses: list[float] = field(default_factory=list)
    validations: list[dict[str, Any]] = field(default_factory=list)
    best: float = -math.inf
