"""What every section of the panel is."""

from typing import Protocol

from .PanelState import PanelState


class Panel(Protocol):
    """A section: it takes its widgets in its constructor, and is brought up to date after every change."""

    def show(self, state: PanelState) -> None:
        """Show what the settings have come to."""
