"""How near the networks come to scans as scanners make them, by default and told; in dB over cubic interpolation of the same scan.

Simulated: the scanner set of protocols on boxes of the headline scans, other body parts, and how often the default falls back. Real:
stacks of a phantom and of a patient, each judged by a stack that it was not made from; and rims at fluid in thick FLAIR slices.
`MRISR_BENCH_SIDE` sets the boxes' side, in voxels.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import Finding, body_parts, fall_backs
from benchmarks.bench_ranking import SCANS, SET, middle
from engine.conftest import DATA
from mrisr.evaluation.scores import DEFAULT, TOLD, Row, compare, load_all
from mrisr.image.files import read_volume, write_volume
from mrisr.image.filters import greatest
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.base import Model
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.knowledge import header_known
from mrisr.pipeline.settings import Settings

NETWORKS = {"iso": "edsr3d-iso2", "thick": "edsr3d-thick"}
"""The network for protocols whose names begin so."""

WELL = ("iso2-kspace", "thick4-rect", "thick4-gap")
"""Those on which the mean by default must be well above cubic interpolation."""

SIDE = int(os.environ.get("MRISR_BENCH_SIDE", "72"))

PAIRS = ("R1 R3", "R1 R4", "R2 R4", "R3 R1", "R4 R1", "R4 R2")
"""Which of the phantom's stacks is enhanced, and which judges it."""

FLAIR = ("ljl_04_1_flair", "ljl_20_2_flair", "ubermuda_flair")

EDGE = 0.3
"""Contrast around a voxel, as a fraction of the scan's peak, from which on it lies at a border of tissues."""


def measure() -> Iterator[Finding]:
    if not DATA.is_dir():
        return
    boxes = {scan: middle(read_volume(DATA / "val" / f"{scan}.nii.gz"), SIDE) for scan in SCANS}
    fallen: list[bool] = []
    for protocol in SET:
        for acquisition in (DEFAULT, TOLD):
            yield from _simulated(boxes, protocol, acquisition, fallen)
    yield from body_parts.measure(fallen)
    yield from fall_backs.measure(fallen)
    yield from _noisy(boxes)
    yield from _stacks()
    yield from _rims()


def _simulated(
    boxes: dict[str, Volume], protocol: str, acquisition: str, fallen: list[bool]
) -> Iterator[Finding]:
    """Whether the scans fall back by default is added to `fallen`."""
    network = next(name for kind, name in NETWORKS.items() if protocol.startswith(kind))
    models = load_all([network])
    compared = [
        compare(scan, box, PROTOCOLS[protocol], models, acquisition=acquisition)
        for scan, box in boxes.items()
    ]
    if acquisition == DEFAULT:
        fallen += [fall_backs.fell_back(comparison) for comparison in compared]
    tables = [{row.model: row for row in comparison.rows} for comparison in compared]
    gains = [_gain(table, network) for table in tables]
    told, of = acquisition == TOLD, f"{protocol}, {acquisition}, {len(gains)} scans"
    least = 0.4 if told else 0.2 if protocol in WELL else 0.0
    yield Finding(f"{network} on {of}: mean", float(np.mean(gains)), "dB", floor=least)
    yield Finding(f"{network} on {of}: worst scan", min(gains), "dB", floor=None if told else -0.3)
    ssim = [table[network].ssim_mask - table["cubic"].ssim_mask for table in tables]
    yield Finding(f"{network} on {of}: SSIM, worst scan", min(ssim), "", floor=-0.002)
    for other in ("lanczos", "back-projection"):
        yield Finding(f"{other} on {of}: mean", float(np.mean([_gain(t, other) for t in tables])), "dB")


def _gain(table: dict[str, Row], model: str) -> float:
    return table[model].psnr_mask - table["cubic"].psnr_mask


def _noisy(boxes: dict[str, Volume]) -> Iterator[Finding]:
    """What consistency costs where there is noise."""
    for percent in (2, 3):
        protocol = replace(PROTOCOLS["iso2-noisy"], noise=percent / 100)
        models = load_all([NETWORKS["iso"]])
        costs = []
        for scan, box in boxes.items():
            off, on = (
                {r.model: r for r in compare(scan, box, protocol, models, settings=settings).rows}
                for settings in (Settings(consistency=0), Settings())
            )
            costs.append(off[NETWORKS["iso"]].psnr_mask - on[NETWORKS["iso"]].psnr_mask)
        yield Finding(
            f"cost of consistency at {percent} % noise, worst of {len(costs)} scans",
            max(costs),
            "dB",
            ceiling=0.05,
        )


def _stacks() -> Iterator[Finding]:
    """Real stacks, judged by the scripts that lie beside them."""
    folder = DATA / "stacks"
    sys.path.insert(0, str(folder))
    import nibabel
    import witness  # type: ignore[import-not-found]

    with TemporaryDirectory() as scratch:

        def made(stack: str, model: str) -> object:
            source, path = folder / f"{stack}.nii.gz", Path(scratch) / f"{stack}-{model}.nii.gz"
            if not path.exists():
                write_volume(_enhanced(source, catalog.load_model(model)), path)
            return nibabel.load(path)

        def judged(stack: str, by: str) -> tuple[float, float]:
            result, cubic = made(stack, NETWORKS["thick"]), made(stack, "cubic")
            network, plain, share = witness.judge(result, cubic, nibabel.load(folder / f"{by}.nii.gz"))
            return network - plain, share

        gains = []
        for pair in PAIRS:
            stack, by = (f"phantom_{name}" for name in pair.split())
            gain, share = judged(stack, by)
            gains.append(gain)
            yield Finding(f"phantom {pair}: gain", gain, "dB", floor=0.2)
            yield Finding(f"phantom {pair}: share of the added detail confirmed", share, "", floor=0.6)
        yield Finding("phantom: mean gain", float(np.mean(gains)), "dB", floor=0.9)
        gain, share = judged("prostate_ax_T2w", "prostate_sag_T2w")
        yield Finding("prostate, axial judged by sagittal: gain", gain, "dB", floor=-0.03)
        yield Finding("prostate, axial judged by sagittal: share confirmed", share, "", floor=0.45)


def _rims() -> Iterator[Finding]:
    """Overshoot beyond the two tissues at borders in real thick FLAIR slices, with all that the network adds and by default."""
    network = catalog.load_model(NETWORKS["thick"])
    unbound = catalog.load_model(NETWORKS["thick"])
    unbound.card = replace(unbound.card, overshoot=1.0)
    for scan in FLAIR:
        source = DATA / "val" / f"{scan}.nii.gz"
        volume = read_volume(source)
        before, after, cubic = (
            _overshoot(volume, _enhanced(source, model))
            for model in (unbound, network, catalog.load_model("cubic"))
        )
        yield Finding(f"overshoot at borders, {scan}: cubic", cubic, "%")
        yield Finding(f"overshoot at borders, {scan}: all that the network adds", before, "%")
        yield Finding(f"overshoot at borders, {scan}: default", after, "%", ceiling=before / 2)


def _enhanced(source: Path, model: Model) -> Volume:
    volume = read_volume(source)
    known = header_known(source, volume)
    return enhance(volume, Settings(model=model.card.name, known=known), model=model).volume


def _overshoot(scan: Volume, result: Volume) -> float:
    """By how much a result leaves the range of the 27 voxels of the scan around a place, in percent of that range; mean at borders."""
    high, low = greatest(scan.array), -greatest(-scan.array)
    nearest = [
        np.rint(places).astype(int).clip(0, n - 1)
        for places, n in zip(scan.grid.axis_positions(result.grid), scan.shape, strict=True)
    ]
    high, low = (edge[np.ix_(*nearest)] for edge in (high, low))
    array = result.array
    border = high - low > EDGE * np.percentile(scan.array, 99.9)
    beyond = np.maximum(array - high, low - array).clip(0)
    return float(100 * (beyond[border] / (high - low)[border]).mean())
