"""Which model to run on a scan: one answer for panel, console and terminal, with its reason.

Among the models that were trained for the scan and target, the one that gained most over cubic interpolation, on the protocol that is
nearest to the scan. Gains are compared on one protocol only: a mean over protocols would rank models by what they were measured on.
On a computer with a graphics card that is all; without one, a model must also be done in `PATIENCE_S` and not be meant for such a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..compute.device import resolve
from ..compute.probe import pace
from ..errors import DeviceError, MrisrError
from ..image.grid import FACTOR_TOLERANCE
from ..image.metrics import less_error_text
from ..image.noise import estimate_noise
from ..image.normalization import Normalization
from ..image.padding import grounded
from ..image.volume import Volume
from ..models import catalog
from ..models.card import Card
from ..physics.protocols import PROTOCOLS, Protocol
from .assumption import equivalent
from .duration import Demand, expected_seconds
from .planning import Plan

FALLBACK = "cubic"

PATIENCE_S = 120
"""Seconds that a run may take on a computer without a graphics card, if a quicker model is any good."""

NOISE_STEP = 0.02
"""A difference in noise that makes two scans as unlike as a factor of 2 in resolution does; a fraction of the 99.9th percentile."""

BOX = 96
"""Voxels on a side of the box in the middle of the scan that its noise is estimated from."""

FAR = math.inf


@dataclass(frozen=True)
class Candidate:
    """A model that suits a scan.

    Args:
        card: of the model.
        protocol: the nearest one to the scan that the model was measured on; empty if none is like the scan.
        gain: mean gain there over cubic interpolation in the head, in dB; None if it was not measured.
        seconds: what the run will take; None if that is not known.
    """

    card: Card
    protocol: str
    gain: float | None
    seconds: float | None


@dataclass(frozen=True)
class Proposal:
    """What to run.

    Args:
        model: its name.
        reason: a sentence for people.
        candidates: the models that suit the scan, best first, interpolations last.
    """

    model: str
    reason: str
    candidates: tuple[Candidate, ...]


def propose(
    plan: Plan,
    noise: float = 0.0,
    *,
    cards: Sequence[Card] | None = None,
    gpu: bool = False,
    seconds: Callable[[Card], float | None] | None = None,
) -> Proposal:
    """The model for a scan.

    Args:
        plan: what is to be done, see `planning.plan`.
        noise: standard deviation of the scan's noise, as a fraction of its 99.9th percentile.
        cards: of the models to choose from; None for all.
        gpu: whether a graphics card does the work.
        seconds: what a run with a card's model takes on this computer; None if that is not known.
    """
    known = list(cards) if cards is not None else catalog.list_models(lambda _broken: None)
    device = "cuda" if gpu else "cpu"
    demand = Demand.of(plan)
    estimate = seconds or (lambda card: expected_seconds(card, demand, None, device, "fp32"))
    distances = {name: _distance(plan, noise, protocol) for name, protocol in PROTOCOLS.items()}
    told = plan.source == "stated"
    found = [_candidate(card, distances, told, estimate(card)) for card in known if suits(card, plan)]
    near = min((distances[c.protocol] for c in found if c.protocol), default=FAR)
    ranked = sorted(
        found,
        key=lambda c: (
            c.card.sha256 is None,
            not c.card.is_for(device),
            c.protocol == "" or distances[c.protocol] > near,
            -(c.gain or 0.0),
        ),
    )
    nearest = [c for c in ranked if c.protocol and distances[c.protocol] == near and c.card.is_for(device)]
    return Proposal(*_chosen(nearest, plan, gpu), tuple(ranked))


def propose_for(scan: Volume, plan: Plan, device: str = "auto") -> Proposal:
    """The model for a scan in memory: its noise is estimated, this computer probed, and a graphics card counts if it may be used."""
    try:
        compute = resolve(device)
    except DeviceError:  # without torch there is nothing to probe, and no network can run
        return propose(plan, noise_of(scan))
    known, demand = pace(compute), Demand.of(plan)
    return propose(
        plan,
        noise_of(scan),
        gpu=compute.device != "cpu",
        seconds=lambda card: expected_seconds(card, demand, known, compute.kind, compute.precision),
    )


def noise_of(scan: Volume) -> float:
    """The noise in the middle of a scan, as a fraction of its 99.9th percentile; an upper bound where there is much texture."""
    start = [max(0, (n - BOX) // 2) for n in scan.shape]
    stop = [min(n, a + BOX) for n, a in zip(scan.shape, start, strict=True)]
    box = grounded(scan).cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    try:
        return estimate_noise(box.array, scan.spacing) / Normalization.of(box.array).scale
    except MrisrError:  # nothing but air in the middle: the run itself says what is wrong with the scan
        return 0.0


def suits(card: Card, plan: Plan) -> bool:
    """Whether a model was trained for a scan and target."""
    made = plan.acquisition
    return card.misfit(plan.factor, made.kspace, made.profile, made.width) is None


def gain_on(card: Card, protocol: str, told: bool = True) -> float | None:
    """Mean gain over cubic interpolation in the head on the headline scans of a protocol, in dB; None if it was not measured.

    Args:
        card: of the model.
        protocol: its name.
        told: whether the model is told how the scan was made. Where only the other was measured, that counts.
    """
    gains = card.gains.get(protocol, {})
    wanted = "told" if told else "default"
    return gains.get(wanted, next(iter(gains.values()), None))


def _candidate(card: Card, distances: dict[str, float], told: bool, seconds: float | None) -> Candidate:
    measured = {
        name: gain
        for name in distances
        if distances[name] < FAR and (gain := gain_on(card, name, told)) is not None
    }
    if not measured:
        return Candidate(card, "", None, seconds)
    nearest = min(measured, key=lambda name: distances[name])
    return Candidate(card, nearest, measured[nearest], seconds)


def _chosen(nearest: Sequence[Candidate], plan: Plan, gpu: bool) -> tuple[str, str]:
    """The name of the model, and why, of those that were measured on scans most like this one, best first."""
    comparable = [c for c in nearest if (c.gain or 0.0) > 0]
    if not comparable:
        return FALLBACK, _why_none(plan, nearest)
    in_time = [c for c in comparable if gpu or c.seconds is None or c.seconds <= PATIENCE_S]
    best = in_time[0] if in_time else min(comparable, key=lambda c: c.seconds or 0.0)
    gain = less_error_text(best.gain or 0.0)
    reason = f"{best.card.label}: trained for this; {gain} than plain interpolation on the test scans most like yours ({best.protocol})."
    if best is not comparable[0]:
        slow = comparable[0]
        reason += f" {slow.card.label}: {less_error_text(slow.gain or 0.0)}, but about {round((slow.seconds or 0) / 60)} min here."
    return best.card.name, reason


def _why_none(plan: Plan, nearest: Sequence[Candidate]) -> str:
    if nearest:
        return (
            "Plain interpolation: no model that was trained for this was nearer to the truth on the test scans most like yours "
            f"({nearest[0].protocol})."
        )
    if plan.keeps_matrix and plan.source == "assumed":
        return "Plain interpolation: without finer voxels a scan can be restored only if it is stated how it was made."
    if plan.keeps_matrix:
        return "Plain interpolation: no model was trained for scans made like this."
    factor = " x ".join(f"{f:.3g}" for f in plan.factor)
    return f"Plain interpolation: no model was trained for a factor of {factor}."


def _distance(plan: Plan, noise: float, protocol: Protocol) -> float:
    """How unlike the scan is to those that a protocol makes; infinite where other axes are refined or something else was lost."""
    made = plan.acquisition
    refined = [f for f in plan.factor if f > 1 + FACTOR_TOLERANCE]
    if len(refined) != (0 if protocol.same_matrix else {"one": 1, "two": 2, "all": 3}[protocol.axes]):
        return FAR
    profiles, cut = set(made.profile) - {"none"}, [k for k in made.kspace if k < 1]
    if not refined and (bool(cut) != (protocol.kspace < 1) or (profiles or {"none"}) != {protocol.profile}):
        return FAR
    widths = [equivalent(p, w) for p, w in zip(made.profile, made.width, strict=True) if p != "none"]
    apart = abs(max(widths) - equivalent(protocol.profile, protocol.width)) if widths else 0.0
    apart += abs(math.log2(min(made.kspace) / protocol.kspace)) + abs(noise - protocol.noise) / NOISE_STEP
    return apart + (
        abs(math.log2(math.prod(refined) ** (1 / len(refined)) / protocol.factor)) if refined else 0.0
    )
