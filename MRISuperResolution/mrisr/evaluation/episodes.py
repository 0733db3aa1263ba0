"""Runs of a model on simulated scans whose truth is known, some told rightly how those were made, some wrongly, some not at all.

They make harm on purpose: what the verdict says of them is held against what they did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..image.metrics import score
from ..image.volume import Volume
from ..models.base import Model
from ..models.card import Card
from ..physics.acquisition import Acquisition
from ..physics.interpolation import interpolate
from ..physics.protocols import PROTOCOLS, Axes, Flags, Protocol, prepare_reference
from ..pipeline.assumption import equivalent
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings
from ..progress import Monitor
from ..trust.harm import Signs, harmful, probability
from ..trust.yardstick import COLORS, Color

Kinds = tuple[tuple[str, float], ...]

ISOTROPIC: Kinds = (
    ("gaussian", 1.0),
    ("gaussian", 0.75),
    ("kspace", 1.0),
    ("rectangle", 1.0),
    ("gaussian", 1.3),
)
SLICES: Kinds = (
    ("gaussian", 1.0),
    ("rectangle", 1.0),
    ("rectangle", 0.7),
    ("gaussian", 0.5),
    ("gaussian", 0.75),
)
"""How scans are made: profile and width in units of the spacing."""

NOISES = (0.0, 0.02)

MANNERS = ("default", "told", "one", "half", "wide", "kind", "raw")
"""What is told: nothing, the truth, a Gaussian as wide as the spacing, one half or one and a half times as wide as the truth, another kind;
and the last but two without steps towards the scan."""

CLEAR = 0.3
"""A difference to cubic interpolation, in dB, from which on a run helped or harmed."""


@dataclass(frozen=True)
class Episode:
    """One run.

    Args:
        scan: the reference's name, which stands for its subject.
        model: its name.
        truth: how the scan was made, and its noise, in words.
        manner: what was told of that, see `MANNERS`.
        gain: dB over cubic interpolation, in the head.
        trust: the verdict, as provenance has it.
    """

    scan: str
    model: str
    truth: str
    manner: str
    gain: float
    trust: dict[str, Any]

    @property
    def harmed(self) -> bool:
        """Whether plain interpolation was nearer to the truth."""
        return self.gain < 0

    @property
    def is_faithful(self) -> bool:
        """Whether it was told rightly, or found out, how the scan was made, and helped."""
        return self.manner in ("default", "told") and not self.harmed

    def color(self, rule: Mapping[str, float] | None = None) -> Color:
        """What the verdict says if harm is told by a rule, whatever the model's card had; an assumption besides does not count."""
        trust = self.trust
        ranks = [COLORS.index(trust[who]["color"]) for who in ("network", "result") if trust[who]]
        if rule and trust["signs"]:
            ranks.append(harmful(probability(Signs(**trust["signs"]), rule), rule))
        return COLORS[max([*ranks, int(bool(trust["outside"]))])]

    @property
    def is_clear(self) -> bool:
        """Whether it helped or harmed by more than anybody would call even."""
        return abs(self.gain) >= CLEAR


def episodes_of(
    name: str,
    reference: Volume,
    model: Model,
    *,
    settings: Settings | None = None,
    manners: tuple[str, ...] = MANNERS,
    monitor: Monitor | None = None,
) -> Iterator[Episode]:
    """A model's runs on scans that are made of one reference.

    Args:
        name: the reference's.
        reference: a sharp scan, or a box of one.
        model: loaded.
        settings: device, precision, tile and seed.
        manners: some of `MANNERS`.
        monitor: told which run is being made, asked for cancellation.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    truth = prepare_reference(reference)
    made = list(_protocols(model.card))
    for done, protocol in enumerate(made):
        affected = protocol.affected(truth.orientation)
        scan = protocol.simulate(truth, seed=settings.seed)
        cubic = interpolate(scan.array, scan.grid, truth.grid, "cubic")
        base = score(truth.array, cubic).psnr_mask
        for manner in manners:
            monitor.step(f"{name}, {protocol.name}, {manner}", done, len(made))
            asked = _asked(
                replace(settings, model=model.card.name, target=truth.grid), manner, protocol, affected
            )
            if asked is None:
                continue
            result = enhance(scan, asked, model=model)
            gain = score(truth.array, result.volume.array).psnr_mask - base
            yield Episode(name, model.card.name, protocol.name, manner, gain, result.provenance["trust"])


def _protocols(card: Card) -> Iterator[Protocol]:
    """How the scans are made that a model is for."""
    ways: tuple[tuple[Kinds, Axes, int], ...] = ((ISOTROPIC, "all", 2), (SLICES, "one", 4))
    for kinds, axes, factor in ways:
        refined = [float(factor)] * 3 if axes == "all" else [float(factor), 1.0, 1.0]
        if card.misfit(refined) is None:
            for kind, width in kinds:
                for noise in NOISES:
                    label = f"{kind} {width:g}, {100 * noise:g} % noise"
                    yield Protocol(
                        name=label,
                        summary=label,
                        axes=axes,
                        factor=factor,
                        profile=kind,
                        width=width,
                        noise=noise,
                    )
            return
    yield from (PROTOCOLS[name] for name in card.protocols if PROTOCOLS[name].factor == 1)


def _asked(settings: Settings, manner: str, protocol: Protocol, affected: Flags) -> Settings | None:
    """The settings of a manner; None where it would be another one's again."""
    own = protocol.acquisition(affected)
    own = replace(own, noise=0.0)
    if manner in ("default", "told"):
        return replace(settings, acquisition=None if manner == "default" else own)
    if protocol.factor == 1:
        return None
    width = equivalent(protocol.profile, protocol.width)
    kind, wide = {
        "one": ("gaussian", 1.0),
        "half": ("gaussian", max(0.3, 0.5 * width)),
        "wide": ("gaussian", 1.5 * width),
        "raw": ("gaussian", 1.5 * width),
        "kind": ("rectangle", 1.0) if protocol.profile == "kspace" else ("kspace", 1.0),
    }[manner]
    if manner == "one" and width == 1.0:
        return None
    told: Acquisition = replace(protocol, profile=kind, width=wide).acquisition(affected)
    told = replace(told, noise=0.0)
    return replace(settings, acquisition=told, consistency=0 if manner == "raw" else None)
