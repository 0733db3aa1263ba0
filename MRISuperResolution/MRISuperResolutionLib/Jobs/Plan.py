"""What a run would do: the grid it makes, what that costs on this computer, and why it may not be started."""

from dataclasses import dataclass

from slicer.i18n import tr as _

from mrisr.errors import InputError
from mrisr.image.grid import Grid, Target
from mrisr.models.card import Card
from mrisr.pipeline import planning
from mrisr.pipeline.duration import Demand, expected_seconds
from mrisr.pipeline.knowledge import Known

from ..Scene.ScanInfo import times
from ..System import Machine

ROAD_BYTES = 24
"""Bytes per voxel of the result that the road itself needs: six float32 volumes."""

USABLE = 0.8
"""Share of the computer's memory that a run may take."""


@dataclass(frozen=True)
class Plan:
    """What the engine would do with a scan (or with the box of it that is to be enhanced), or the reason why it cannot."""

    engine: planning.Plan | None
    refusal: str = ""

    @classmethod
    def of(
        cls,
        source: Grid,
        target: Target,
        acquisition: str | None,
        card: Card | None,
        known: Known | None = None,
    ) -> "Plan":
        try:
            engine = planning.plan(source, target, acquisition, card, known)
        except InputError as error:
            return cls(None, str(error))
        return cls(engine, cls._refusal(engine, card))

    @property
    def grid(self) -> Grid | None:
        return self.engine.target if self.engine else None

    @property
    def factor(self) -> tuple[float, float, float]:
        return self.engine.factor if self.engine else (1.0, 1.0, 1.0)

    def text(self, card: Card | None) -> str:
        """One line: the matrix, the voxel size and the memory."""
        if self.grid is None:
            return ""
        return _("Result: {matrix} voxels of {spacing} mm; needs {memory}.").format(
            matrix=times(self.grid.shape),
            spacing=times(self.grid.spacing),
            memory=size(memory(self.grid, card)),
        )

    @staticmethod
    def _refusal(engine: planning.Plan, card: Card | None) -> str:
        if engine.keeps_matrix and card is not None and not card.restores_matrix:
            return _(
                "This model changes nothing on the scan's own voxels: choose finer voxels, or say how the scan was made and choose a "
                "model that restores it."
            )
        have, need = Machine.totalMemory(), memory(engine.target, card)
        if have is not None and need > USABLE * have:
            return _(
                "This needs about {need} of memory and the computer has {have}; choose a smaller factor, "
                "or a region."
            ).format(need=size(need), have=size(have))
        return ""


def memory(grid: Grid, card: Card | None) -> float:
    """Bytes at the peak: the road's, or what the card has measured on a processor if that is more."""
    measured = [
        entry.get("peak_memory_mb_per_megavoxel", 0)
        for key, entry in (card.speed if card else {}).items()
        if key.startswith("cpu-")
    ]
    return max(ROAD_BYTES, *measured, 0) * grid.size


def expectedSeconds(card: Card, demand: Demand, device: str, precision: str = "auto") -> float | None:
    """As it was measured on this computer, or as follows from a probe of it; None while there was neither.

    Interpolation counts as nothing.
    """
    used = usedDevice(device)
    rate = Machine.measuredRate(card.name, used)
    if rate is not None:
        return rate * demand.megavoxels
    taken = Machine.automaticPrecision(used) if precision == "auto" else precision
    return expected_seconds(card, demand, Machine.probedPace(used, taken), used, taken)


def usedDevice(device: str) -> str:
    """The device that a setting means on this computer, as far as its runs have shown."""
    return Machine.automaticDevice() if device == "auto" else device


def timeText(seconds: float | None) -> str:
    """The expected time, in words."""
    if seconds is None:
        return _("unknown")
    return _("a few seconds") if seconds == 0 else duration(seconds)


def duration(seconds: float) -> str:
    if seconds < 1:
        return _("under 1 s")
    if seconds < 100:
        return _("{count} s").format(count=round(seconds))
    return (
        _("{count} min").format(count=round(seconds / 60))
        if seconds < 5400
        else _("{count:.1f} h").format(count=seconds / 3600)
    )


def size(count: float) -> str:
    return (
        _("{count:.0f} MB").format(count=count / 1e6)
        if count < 1e9
        else _("{count:.1f} GB").format(count=count / 1e9)
    )
