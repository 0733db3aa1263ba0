"""What a run would do: the grid it makes, what that costs on this computer, and why it may not be started."""

from dataclasses import dataclass

from slicer.i18n import tr as _

from mrisr.card import Card
from mrisr.errors import InputError
from mrisr.grid import FINER, Grid, Target

from . import Machine
from .ScanInfo import times

ROAD_BYTES = 24
"""Bytes per voxel of the result that the road itself needs: six float32 volumes."""

USABLE = 0.8
"""Share of the computer's memory that a run may take."""


@dataclass(frozen=True)
class Plan:
    """A target grid on a scan's grid (or on the box of it that is to be enhanced), or the reason there is none."""

    source: Grid
    grid: Grid | None
    refusal: str = ""

    @classmethod
    def of(cls, source: Grid, target: Target, card: Card | None) -> "Plan":
        try:
            grid = target.grid(source)
        except InputError as error:
            return cls(source, None, str(error))
        return cls(source, grid, cls._refusal(source, grid, card))

    @property
    def factor(self) -> tuple[float, float, float]:
        return self.source.factor_to(self.grid) if self.grid else (1.0, 1.0, 1.0)

    @property
    def megavoxels(self) -> float:
        return self.grid.size / 1e6 if self.grid else 0.0

    def text(self, card: Card | None) -> str:
        """One line: the matrix, the voxel size and the memory."""
        if self.grid is None:
            return ""
        return _("Result: {matrix} voxels of {spacing} mm, about {memory} of memory.").format(
            matrix=times(self.grid.shape), spacing=times(self.grid.spacing), memory=size(memory(self.grid, card)))

    @staticmethod
    def _refusal(source: Grid, grid: Grid, card: Card | None) -> str:
        if max(source.factor_to(grid)) < FINER and not _worksOnSameMatrix(card):
            return _("The voxels are already as small as asked for; choose a factor above 1 or a smaller voxel size.")
        have, need = Machine.totalMemory(), memory(grid, card)
        if have is not None and need > USABLE * have:
            return _("This needs about {need} of memory and the computer has {have}; choose a smaller factor, "
                     "or a region.").format(need=size(need), have=size(have))
        return ""


def memory(grid: Grid, card: Card | None, device: str = "cpu") -> float:
    """Bytes at the peak: the road's, or what the card has measured if that is more."""
    perMegavoxel = (card.speed.get(device) or {}).get("peak_memory_mb_per_megavoxel", 0) if card else 0
    return max(ROAD_BYTES * grid.size, perMegavoxel * 1e6 * grid.size / 1e6)


def expectedSeconds(card: Card, megavoxels: float, device: str) -> float | None:
    """As it was measured on this computer, or as the card says; None if neither knows. Interpolation counts as nothing."""
    used = Machine.automaticDevice() if device == "auto" else device
    rate = Machine.measuredRate(card.name, used)
    if rate is None:
        rate = (card.speed.get(used) or {}).get("seconds_per_megavoxel", 0.0 if card.sha256 is None else None)
    return None if rate is None else rate * megavoxels


def timeText(card: Card, megavoxels: float, device: str) -> str:
    """The expected time, in words."""
    seconds = expectedSeconds(card, megavoxels, device)
    if seconds is None:
        return _("unknown")
    return _("a few seconds") if seconds == 0 else duration(seconds)


def duration(seconds: float) -> str:
    if seconds < 1:
        return _("under 1 s")
    if seconds < 100:
        return _("{count} s").format(count=round(seconds))
    return _("{count} min").format(count=round(seconds / 60)) if seconds < 5400 else _("{count:.1f} h").format(
        count=seconds / 3600)


def size(count: float) -> str:
    return _("{count:.0f} MB").format(count=count / 1e6) if count < 1e9 else _("{count:.1f} GB").format(
        count=count / 1e9)


def _worksOnSameMatrix(card: Card | None) -> bool:
    return card is not None and any(0 in trained.refined_axes for trained in card.trained)
