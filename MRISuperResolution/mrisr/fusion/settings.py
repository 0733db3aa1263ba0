"""How to fuse: every setting once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..errors import InputError
from ..image.grid import Target

Field = Literal["reference", "union", "common"]
Register = Literal["rigid", "none"]
Between = Literal["none", "slices"]

FIELDS: tuple[Field, ...] = get_args(Field)
REGISTER: tuple[Register, ...] = get_args(Register)
BETWEEN: tuple[Between, ...] = get_args(Between)

NO_MODEL = "none"
"""Instead of a model's name: the stacks alone."""

SHARPENING = "fused-filters"
"""The family of the filters that were taught on fused volumes."""

TAUGHT = "auto"
"""Instead of a model's name: those filters, the best on validation scans."""


@dataclass(frozen=True)
class FusionSettings:
    """How to fuse.

    Args:
        target: the result's voxels, along the reference's axes; None for isotropic ones as fine as the finest of all scans.
        acquisition: how each scan was made, as `pipeline.settings.Settings.acquisition`; one text for all, one each, or None.
        model: what the volume is drawn to, where the scans leave it open: `auto`: what filters make of it that were taught on fused
            volumes; a name or folder: what this model makes of each scan alone; `none`: nothing.
        register: `rigid`: the scans are brought onto the reference; `none`: they lie where their headers say.
        reference: which scan gives place, axes and brightness, counted from 1; the place may be less than half a voxel off, where most
            other scans agree on it.
        motion: `slices`: each slice has a place of its own.
        field: what the result covers: the reference's field of view, that of all scans together, or what they have in common.
        cross_contrast: whether scans of different contrast may be fused.
        leave_one_out: whether to reconstruct without each scan in turn, which shows where the result depends on one of them.
        device: see `compute.device.resolve`.

    Raises:
        InputError: a value makes no sense.
    """

    target: Target | None = None
    acquisition: tuple[str | None, ...] | str | None = None
    model: str | Path = TAUGHT
    register: Register = "rigid"
    reference: int = 1
    motion: Between = "none"
    field: Field = "reference"
    cross_contrast: bool = False
    leave_one_out: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("field", self.field, FIELDS),
            ("registration", self.register, REGISTER),
            ("motion", self.motion, BETWEEN),
        ):
            if value not in allowed:
                raise InputError(f"The {name} must be one of {', '.join(allowed)}; got {value!r}.")

    def stated(self, count: int) -> tuple[str | None, ...]:
        """What is stated of each of `count` scans.

        Raises:
            InputError: there is neither one statement nor one for each scan.
        """
        given = self.acquisition
        if given is None or isinstance(given, str):
            return (given,) * count
        if len(given) == 1:
            return given * count
        if len(given) != count:
            raise InputError(
                f"{len(given)} acquisitions are stated for {count} scans; give one for all or one for each."
            )
        return given
