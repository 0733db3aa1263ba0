"""What comes out of a fusion, and the record of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compute.device import Compute
from ..image.arrays import Array
from ..image.grid import Grid
from ..image.volume import Volume
from ..models import catalog
from ..physics.resampling import Transform
from ..pipeline import provenance
from ..trust.verdict import Verdict
from ..trust.yardstick import COLORS
from .registration import Registration
from .settings import NO_MODEL, SHARPENING, TAUGHT, FusionSettings
from .stack import Stack


@dataclass(frozen=True, eq=False)
class Fused:
    """What comes out.

    Args:
        volume: the result, float32 in the reference's units.
        coverage: how many scans see each voxel, on the same grid.
        spread: standard deviation of the results without each scan in turn, if asked for.
        transforms: where each scan lies, from where its header says, see `resampling.Transform`.
        verdicts: of each scan.
        provenance: the record, ready for JSON.
    """

    volume: Volume
    coverage: Volume
    spread: Volume | None
    transforms: list[Transform]
    verdicts: list[Verdict]
    provenance: dict[str, Any]


def described(
    settings: FusionSettings,
    target: Grid,
    judged: Sequence[tuple[Stack, Verdict, Array]],
    notes: Sequence[str],
    *,
    noise: float,
    compute: Compute,
) -> dict[str, Any]:
    """What made the result, and how far to trust it; the scan that it agrees with least stands for all.

    Args:
        settings: that were asked for.
        target: grid of the result.
        judged: each scan with its verdict and the weight of its voxels.
        notes: what else to know, a sentence each.
        noise: of all scans together, see `reconstruction.Reconstruction`.
        compute: where the arithmetic happened.
    """
    worst, verdict, _ = max(judged, key=lambda each: (COLORS.index(each[1].color), each[1].ratio))
    card = None if settings.model in (NO_MODEL, TAUGHT) else catalog.find(settings.model)
    return {
        "statement": provenance.STATEMENT,
        "model": "fusion",
        "prior": card.name if card else SHARPENING if settings.model == TAUGHT else str(settings.model),
        "prior_sha256": card.sha256 if card else None,
        "output_spacing_mm": [round(s, 6) for s in target.spacing],
        "reference": judged[settings.reference - 1][0].scan.name,
        "field": settings.field,
        "register": settings.register,
        "motion": settings.motion,
        "inputs": [_input(*each) for each in judged],
        "notes": list(notes),
        "noise": round(noise, 6),
        "device": compute.device,
        "precision": compute.precision,
        **provenance.made_by(),
        "trust": {**verdict.describe(), "input": worst.scan.name},
    }


def _input(stack: Stack, verdict: Verdict, weight: Array) -> dict[str, Any]:
    """One scan: where it lies, how it was made, what it counted for, and how well the result agrees with it."""
    used = weight > 0
    return {
        "input": stack.scan.name,
        "spacing_mm": [round(s, 6) for s in stack.volume.spacing],
        "transform": np.round(stack.transform, 8).tolist(),
        "slice_transforms": [np.round(each, 8).tolist() for each in stack.slices],
        "registration": None if stack.found is None else _registration(stack.found),
        "acquisition": stack.plan.acquisition.describe(),
        "acquisition_source": stack.plan.source,
        "acquisition_basis": stack.plan.basis,
        "noise": round(stack.noise, 6),
        "share_used": round(float(used.float().mean()), 4),
        "mean_weight": round(float(weight[used].mean()), 4) if bool(used.any()) else 0.0,
        "trust": verdict.describe(),
    }


def _registration(found: Registration) -> dict[str, Any]:
    return {
        "similarity": round(found.similarity, 4),
        "before": round(found.before, 4),
        "converged": found.converged,
        "degrees": round(found.degrees, 3),
        "mm": round(found.mm, 3),
    }
