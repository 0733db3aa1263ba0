"""How a task tells of what it has done before it is done with all."""

from __future__ import annotations

from typing import Any, Protocol


class Tell(Protocol):
    """Takes an event's name and, by keyword, its fields."""

    def __call__(self, event: str, /, **fields: Any) -> None:
        """Tell of one event."""


def nothing(_event: str, /, **_fields: Any) -> None:
    """Nobody listens."""
