"""How often a scan of which nobody says anything is only interpolated: no model is proposed for it, or what comes out is interpolation."""

import csv
from collections.abc import Iterator

import numpy as np

from benchmarks import Finding
from engine.conftest import DATA
from mrisr.evaluation.scores import Comparison
from mrisr.image.files import read_volume
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.pipeline.knowledge import header_known
from mrisr.pipeline.planning import plan
from mrisr.pipeline.proposal import propose_for
from mrisr.pipeline.settings import Settings, informed

MOST = 10.0
"""Percent of the simulated scans that may fall back."""


def fell_back(comparison: Comparison) -> bool:
    """Whether the simulated scan is only interpolated by default."""
    degraded, restored = comparison.degraded, comparison.restored
    model = _proposed(degraded, Settings(), comparison.reference.grid)
    if catalog.find(model).sha256 is None:
        return True
    return model in restored and np.array_equal(restored[model].array, restored["cubic"].array)


def measure(simulated: list[bool]) -> Iterator[Finding]:
    """Shares of the simulated scans, and of the real ones with thick slices, refined to isotropic voxels."""
    share = 100 * float(np.mean(simulated))
    yield Finding(
        f"default falls back to interpolation, {len(simulated)} simulated scans", share, "%", ceiling=MOST
    )
    with (DATA / "index.csv").open(newline="") as file:
        names = [f"{row['split']}/{row['id']}" for row in csv.DictReader(file) if row["slices"] == "2D"]
    real = []
    for name in names:
        path = DATA / f"{name}.nii.gz"
        scan = read_volume(path)
        model = _proposed(scan, Settings(known=header_known(path, scan)))
        real.append(catalog.find(model).sha256 is None)
    share = 100 * float(np.mean(real))
    yield Finding(
        f"default falls back to interpolation, {len(real)} real scans with thick slices", share, "%"
    )


def _proposed(scan: Volume, settings: Settings, target: Grid | None = None) -> str:
    known = informed(settings, scan).known
    return propose_for(scan, plan(scan.grid, target, known=known)).model
