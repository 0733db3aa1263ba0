"""Fusing orthogonal stacks of the headline scans, beside the best single scan, the mean of all, and plain least squares.

Boxes of `SIDE`³ voxels in the middle of the heads, simulated with a margin that is not scored. With `MRISR_BENCH_SCANS=1` only the first of
the scans rehearses it.
"""

import os
from collections.abc import Iterator
from time import perf_counter
from unittest.mock import patch

import numpy as np

import mrisr.fusion.reconstruction as reconstruction
from benchmarks import Finding
from benchmarks.bench_ranking import SCANS, SIDE, middle
from engine.conftest import DATA
from mrisr.compute.memory import PeakMemory
from mrisr.fusion.fuse_scans import fuse
from mrisr.fusion.settings import FusionSettings
from mrisr.fusion.suitability import Scan
from mrisr.image.files import read_volume
from mrisr.image.metrics import score
from mrisr.image.volume import Volume
from mrisr.physics.interpolation import interpolate
from mrisr.physics.protocols import prepare_reference
from mrisr.physics.stacks import STACKS, Motion, SimulatedStack

MARGIN = 8

COUNT = int(os.environ.get("MRISR_BENCH_SCANS", "6"))

GOALS = {
    ("stacks3-thick4", 0.0): 7.8,
    ("stacks3-thick4", 0.02): 5.3,
    ("stacks3-thick6", 0.0): 6.2,
    ("stacks3-thick6", 0.02): 4.6,
    ("stacks2-thick4", 0.0): 4.6,
    ("stacks2-thick4", 0.02): 3.2,
}
"""Gains over the best single cubic that are wanted, in dB, acquisition told and without motion."""

TOLD = {"thick4": "thick4", "thick6": "thick6", "rect": "thick4-rect", "gap": "thick4-gap"}

WHOLE_SHAPE, WHOLE_S, WHOLE_OUTPUTS = (192, 192, 144), 180, 12


def measure() -> Iterator[Finding]:
    truths = [_truth(name) for name in SCANS[:COUNT]]
    for (protocol, noise), goal in GOALS.items():
        yield from _gains(truths, protocol, noise, goal)
    for noise in (0.0, 0.02):
        yield from _moved(truths, noise)
    for kind in ("rect", "gap"):
        yield _estimated(truths, f"stacks3-{kind}")
    yield from _whole()


def _truth(name: str) -> Volume:
    scan = next((DATA / "val").glob(f"{name}.nii*"))
    return prepare_reference(middle(read_volume(scan), SIDE + 2 * MARGIN))


def _fused(stacks: list[SimulatedStack], **settings):
    scans = [Scan(str(number), stack.volume) for number, stack in enumerate(stacks)]
    return fuse(scans, FusionSettings(**settings))


def _psnr(truth: Volume, array: np.ndarray) -> float:
    box = tuple(slice(MARGIN, n - MARGIN) for n in truth.shape)
    whole = array[tuple(slice(0, n) for n in truth.shape)]
    return score(truth.array[box], np.clip(whole[box], 0, 1)).psnr_mask


def _gains(truths: list[Volume], protocol: str, noise: float, goal: float) -> Iterator[Finding]:
    rows: dict[str, list[float]] = {"mean of cubics": [], "plain least squares": [], "fused": []}
    told = TOLD[protocol.split("-")[1]]
    for truth in truths:
        stacks = STACKS[protocol].simulate(truth, noise=noise, seed=1)
        cubics = [interpolate(s.volume.array, s.volume.grid, truth.grid) for s in stacks]
        best = max(_psnr(truth, cubic) for cubic in cubics)
        rows["mean of cubics"].append(_psnr(truth, np.mean(cubics, axis=0)) - best)
        settings = {"acquisition": told, "register": "none"}
        with patch.object(reconstruction, "EDGE", 1e3), patch.object(reconstruction, "PER_VARIANCE", 0.0):
            rows["plain least squares"].append(_psnr(truth, _fused(stacks, **settings).volume.array) - best)
        rows["fused"].append(_psnr(truth, _fused(stacks, **settings).volume.array) - best)
    for name, gains in rows.items():
        label = f"{name}, {protocol}, noise {100 * noise:g} %, over the best cubic (worst {min(gains):.2f})"
        yield Finding(label, float(np.mean(gains)), "dB", floor=goal if name == "fused" else None)


def _moved(truths: list[Volume], noise: float) -> Iterator[Finding]:
    lost, errors = [], []
    for seed, truth in enumerate(truths):
        still = STACKS["stacks3-thick4"].simulate(truth, noise=noise, seed=seed)
        moved = STACKS["stacks3-thick4"].simulate(truth, Motion(3, 3), noise, seed)
        before = _fused(still, acquisition="thick4", register="none")
        after = _fused(moved, acquisition="thick4")
        lost.append(_psnr(truth, before.volume.array) - _psnr(truth, after.volume.array))
        for stack, found in zip(moved[1:], after.transforms[1:], strict=True):
            inside = np.argwhere(stack.volume.array > 0.1)[::97]
            places = np.c_[inside, np.ones(len(inside))] @ stack.volume.affine.T
            apart = places @ (found - stack.transforms[0]).T
            errors.append(float(np.linalg.norm(apart[:, :3], axis=1).mean() / min(truth.spacing)))
    name = f"3 mm and 3° of motion, stacks3-thick4, noise {100 * noise:g} %"
    yield Finding(f"{name}, lost", float(np.mean(lost)), "dB", ceiling=0.15)
    yield Finding(f"{name}, misplaced, mean", float(np.mean(errors)), "voxels", ceiling=0.1)
    yield Finding(f"{name}, misplaced, worst", max(errors), "voxels", ceiling=0.2)


def _estimated(truths: list[Volume], protocol: str) -> Finding:
    lost = []
    for truth in truths:
        stacks = STACKS[protocol].simulate(truth, noise=0.02, seed=1)
        told = _fused(stacks, acquisition=TOLD[protocol.split("-")[1]], register="none")
        default = _fused(stacks, register="none")
        lost.append(_psnr(truth, told.volume.array) - _psnr(truth, default.volume.array))
    return Finding(f"profile estimated, {protocol}, noise 2 %, lost", float(np.mean(lost)), "dB", ceiling=0.3)


def _whole() -> Iterator[Finding]:
    """Texture that fills the field, registration included."""
    array = np.random.default_rng(0).random(WHOLE_SHAPE, dtype=np.float32)
    truth = Volume(np.float32(0.3) + np.float32(0.7) * array, np.eye(4))
    stacks = STACKS["stacks3-thick4"].simulate(truth, Motion(1, 1))
    started = perf_counter()
    with PeakMemory() as memory:
        _fused(stacks, acquisition="thick4", cross_contrast=True, device="cpu")
    name = f"three stacks into {' x '.join(map(str, WHOLE_SHAPE))}, registration included"
    yield Finding(f"{name}, CPU", perf_counter() - started, "s", ceiling=WHOLE_S)
    outputs = memory.megabytes / (4e-6 * truth.array.size)
    yield Finding(f"{name}, memory in output volumes", outputs, "x", ceiling=WHOLE_OUTPUTS)
