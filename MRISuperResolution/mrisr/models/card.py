"""A model's card: what it is, what it was trained for, how good and how fast it was measured to be, and where it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from ..errors import CatalogError
from ..physics.interpolation import Kind
from .schema import flaw_of, schema_in
from .trained import Trained, asked_text, text_of

CARD = "card.json"
WEIGHTS = "weights.safetensors"

LARGEST = 2**22
"""A card has no more bytes; the histograms of many contrasts take a thousandth of that."""

_HERE = Path(__file__).resolve().parents[1]
PACKAGED = next(
    (p for p in (_HERE / "Models", _HERE.parent / "Resources" / "Models") if p.is_dir()), _HERE / "Models"
)
"""The models that travel with the package: inside it once installed by pip, beside it in the extension and in a checkout."""

SCHEMA = PACKAGED / "models.schema.json"


@lru_cache(maxsize=64)
def _flaw_in(content: bytes) -> str | None:
    """What is wrong with a card; looked for once, since panels and runs read the same ones over and over."""
    return flaw_of(json.loads(content.decode()), schema_in(SCHEMA), whole=False)


@dataclass(frozen=True)
class Card:
    """The content of `card.json`; `Resources/Models/models.schema.json` describes every field.

    Args:
        folder: where the card lies, and its weights beside it.
        label: its name by task, for lists, such as "Thick slices – best"; the title where it has none.
        trained: the acquisitions it was trained for; empty means any.
        acquisition: how the scans were made that it restores on their own matrix, as `planning.plan` takes it; assumed where nobody says.
        protocols: those for which it claims the measured `quality`.
        contrasts: those it was trained on; empty means any.
        tile: see `strips.TileShape`.
        gpu: whether it is for graphics cards, and never proposed without one.
        consistency: back-projection steps used unless the user says otherwise.
        overshoot: the share that is kept of what its networks add beyond the scan's range around a place, see `physics.overshoot`.
        quality: rows measured by `mrisr evaluate`.
        speed: seconds and memory per megavoxel, by what they were measured on, see `speed_key`.
        work: what the networks compute for each voxel that they are shown, see `training.workload`; empty for models without networks, and
            where nobody has counted it.
        calibration: how honest the samples' spread is, and the factor that made it so, as measured by `mrisr calibrate`.
        harm: what tells that plain interpolation would have been nearer (see `trust.harm`), as measured by `mrisr calibrate-verdict`.
        claims: how far the networks' own output is from faithful scans at worst, see `trust.verdict.Circumstances`; likewise.
        intervals: how far the truth lies from its results, as measured by `mrisr calibrate-intervals` (see `trust.interval`); empty where
            nobody has measured it, or where that was done with other weights.
        limits: where not to use it, a sentence each.
        data: the whole file, for showing it.
    """

    name: str
    title: str
    family: str
    version: str
    purpose: str
    initial: Kind
    folder: Path
    label: str = ""
    acquisition: str = ""
    sha256: str | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    trained: tuple[Trained, ...] = ()
    protocols: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()
    tile: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False
    consistency: int = 0
    overshoot: float = 1.0
    quality: tuple[dict[str, Any], ...] = ()
    speed: dict[str, Any] = field(default_factory=dict)
    work: dict[str, int] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    harm: dict[str, Any] = field(default_factory=dict)
    claims: tuple[float, float] = (0.0, 0.0)
    intervals: dict[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, folder: Path) -> Card:
        """The card in `folder`.

        Raises:
            CatalogError: there is none, or it is no card; the message names the file.
        """
        path = folder / CARD
        check_regular(path)
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST)
            flaw = _flaw_in(content)
            card = None if flaw else cls.of(json.loads(content.decode()), folder)
        except OSError as error:
            raise CatalogError(f"The model card {path} cannot be read; install the model again.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CatalogError(
                f"The model card {path} is broken ({error}); install the model again."
            ) from error
        if card is None:
            raise CatalogError(f"The model card {path} is broken ({flaw}); install the model again.")
        return card

    @classmethod
    def of(cls, data: dict[str, Any], folder: Path) -> Card:
        """The card with this content."""
        weights = data.get("weights")
        return cls(
            name=str(data["name"]),
            title=str(data["title"]),
            family=str(data["family"]),
            version=str(data["version"]),
            purpose=str(data["purpose"]),
            initial=cast(Kind, data["initial"]),
            folder=folder,
            label=str(data.get("label", data["title"])),
            acquisition=str(data.get("acquisition", "")),
            sha256=None if weights is None else str(weights["sha256"]),
            hyperparameters=dict(data.get("hyperparameters", {})),
            trained=tuple(Trained.of(item) for item in data.get("trained_for", [])),
            protocols=tuple(data.get("protocols", [])),
            contrasts=tuple(data.get("contrasts", [])),
            tile={key: value for key, value in data.get("tile", {}).items() if key != "halo_reason"},
            gpu=bool(data.get("gpu", False)),
            consistency=int(data.get("consistency", 0)),
            overshoot=float(data.get("overshoot", 1.0)),
            quality=tuple(data.get("quality", [])),
            speed=dict(data.get("speed", {})),
            work=dict(data.get("work_per_voxel", {})),
            calibration=dict(data.get("calibration", {})),
            harm=dict(data.get("verdict", {}).get("rule", {})),
            claims=_pair(data.get("verdict", {}).get("claims", (0.0, 0.0))),
            intervals=_of_weights(data.get("interval", {}), weights),
            limits=tuple(data.get("limits", [])),
            data=data,
        )

    @property
    def weights_path(self) -> Path:
        """Where the weights lie, if the model has any."""
        return self.folder / WEIGHTS

    @property
    def readable(self) -> dict[str, Any]:
        """The content that is for people: all but the histograms of the training scans."""
        training = {key: value for key, value in self.data.get("training", {}).items() if key != "histograms"}
        return {key: training if key == "training" else value for key, value in self.data.items()}

    @property
    def gains(self) -> dict[str, dict[str, float]]:
        """Mean gains over cubic interpolation in the head on the headline scans, in dB: by protocol, `told` or by `default`."""
        found: dict[str, dict[str, float]] = {}
        for row in self.quality:
            if row["scans"] == "headline":
                found.setdefault(str(row["protocol"]), {})[str(row.get("acquisition", "told"))] = gain_in(row)
        return found

    @property
    def spread_scale(self) -> float:
        """What the standard deviation of the model's samples is multiplied by."""
        return float(self.calibration.get("scale", 1.0))

    def is_for(self, device: str) -> bool:
        """Whether it is worth its time on `cpu`, `cuda` or `mps`: some models are for graphics cards alone."""
        return not self.gpu or device != "cpu"

    @property
    def restores_matrix(self) -> bool:
        """Whether it was trained to bring back what a scan has lost on its own matrix, too."""
        return any(0 in trained.refined_axes for trained in self.trained)

    def misfit(
        self,
        factor: Sequence[float],
        kspace: Sequence[float] = (1.0,),
        profile: Sequence[str] = (),
        width: Sequence[float] = (),
    ) -> str | None:
        """Why refining by `factor` a scan made like this (see `Acquisition`) lies outside the model's training; None if not."""
        if not self.trained or any(t.covers(factor, kspace, profile, width) for t in self.trained):
            return None
        asked = asked_text(factor, kspace, profile)
        return f"{self.title} was trained for {self.trained_text()}, not for {asked}: expect less than its card says."

    def trained_text(self) -> str:
        """What the model was trained for, in a few words."""
        return " or ".join(text_of(t) for t in self.trained) or "any scan"


def gain_in(row: dict[str, Any]) -> float:
    """The gain over cubic interpolation in the head, in dB, that a row of a card's quality tells."""
    return round(float(row["psnr_mask"][0]) - float(row["psnr_mask_cubic"][0]), 2)


def check_regular(path: Path) -> None:
    """Raise `CatalogError` if a file of a model is, or links to, a device or a pipe, which would be read for ever."""
    if path.exists() and not path.is_file():
        raise CatalogError(f"{path} is no file, but a folder, a device or a pipe; install the model again.")


def speed_key(device: str, precision: str) -> str:
    """What a card's `speed` calls a device in a precision: a processor's precisions stand apart, a graphics card is `cuda`.

    Example:
        >>> speed_key("cpu", "bf16"), speed_key("cuda:1", "bf16")
        ('cpu-bf16', 'cuda')
    """
    return f"{device}-{precision}" if device == "cpu" else device.partition(":")[0]


def _of_weights(entry: dict[str, Any], weights: dict[str, Any] | None) -> dict[str, Any]:
    """An entry that was measured with a model's weights; empty if that was with other ones."""
    same = entry.get("weights") == (None if weights is None else weights["sha256"])
    return dict(entry) if same else {}


def _pair(values: Sequence[float]) -> tuple[float, float]:
    low, high = values
    return (float(low), float(high))


def card_text(data: dict[str, Any]) -> str:
    """The card as it is written: indented, but with a histogram on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return (
        re.sub(
            r"\[\s+((?:[\d.e-]+,\s+){31}[\d.e-]+)\s+\]",
            lambda found: "[" + " ".join(found[1].split()) + "]",
            text,
        )
        + "\n"
    )
