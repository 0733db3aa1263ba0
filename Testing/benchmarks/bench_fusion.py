"""Fusing orthogonal stacks of the headline scans, beside the best single scan, the mean of all, and plain least squares.

Boxes of `SIDE`³ voxels in the middle of the heads, simulated with a margin that is not scored. With `MRISR_BENCH_SCANS=1` only the first of
the scans rehearses it.
"""

import os
import runpy
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any
from unittest.mock import patch

import nibabel as nib
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

import mrisr.fusion.reconstruction as reconstruction
from benchmarks import Finding
from benchmarks.bench_ranking import SCANS, SIDE, middle
from engine.conftest import DATA
from mrisr.compute.memory import PeakMemory
from mrisr.fusion.fuse_scans import fuse
from mrisr.fusion.record import Fused
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

PLAIN = {
    "EDGE": 1e3,
    "SMOOTH": 3e-3,
    "PER_VARIANCE": 0.0,
    "trusted": lambda _part, rest: torch.ones_like(rest),
}
"""What makes plain least squares of the reconstruction, with a small gradient penalty."""

PLAIN_WIDTHS = ("slices:3.6", "slices:4.2", "slices:4.8")
"""Of the phantom's slices, 6 mm apart, for plain least squares."""

WHOLE_SHAPE, WHOLE_S, WHOLE_OUTPUTS = (192, 192, 144), 180, 12


def measure() -> Iterator[Finding]:
    truths = [_truth(name) for name in SCANS[:COUNT]]
    for (protocol, noise), goal in GOALS.items():
        yield from _gains(truths, protocol, noise, goal)
    for noise in (0.0, 0.02):
        yield from _moved(truths, noise)
    for kind in ("rect", "gap"):
        yield _estimated(truths, f"stacks3-{kind}")
    for noise in (0.0, 0.02):
        yield _spoilt(truths, noise)
        yield _slices(truths, noise)
    yield from _phantom()
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
    names = ("mean of cubics", "plain least squares", "without filters", "fused")
    rows: dict[str, list[float]] = {name: [] for name in names}
    told = TOLD[protocol.split("-")[1]]
    for truth in truths:
        stacks = STACKS[protocol].simulate(truth, noise=noise, seed=1)
        cubics = [interpolate(s.volume.array, s.volume.grid, truth.grid) for s in stacks]
        best = max(_psnr(truth, cubic) for cubic in cubics)
        rows["mean of cubics"].append(_psnr(truth, np.mean(cubics, axis=0)) - best)
        settings = {"acquisition": told, "register": "none"}
        plainly = {**settings, "model": "none"}
        with patch.multiple(reconstruction, **PLAIN):
            rows["plain least squares"].append(_psnr(truth, _fused(stacks, **plainly).volume.array) - best)
        rows["without filters"].append(_psnr(truth, _fused(stacks, **plainly).volume.array) - best)
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


def _spoilt(truths: list[Volume], noise: float) -> Finding:
    """One slice in ten shifted by 5 mm or at half its brightness."""
    lost = []
    for seed, truth in enumerate(truths):
        stacks = STACKS["stacks3-thick4"].simulate(truth, noise=noise, seed=seed)
        spoilt = [replace(stack, volume=_with_spoilt_slices(stack, seed)) for stack in stacks]
        before, after = (_fused(each, acquisition="thick4", register="none") for each in (stacks, spoilt))
        lost.append(_psnr(truth, before.volume.array) - _psnr(truth, after.volume.array))
    name = f"one slice in ten spoilt, stacks3-thick4, noise {100 * noise:g} %, lost (worst {max(lost):.2f})"
    return Finding(name, float(np.mean(lost)), "dB", ceiling=0.3)


def _with_spoilt_slices(stack: SimulatedStack, seed: int) -> Volume:
    array = np.moveaxis(stack.volume.array.copy(), stack.axis, 0)
    for number, place in enumerate(range(3 + seed % 4, len(array), 10)):
        array[place] = array[place] / 2 if number % 2 else np.roll(array[place], 5, axis=0)
    return stack.volume.with_array(np.ascontiguousarray(np.moveaxis(array, 0, stack.axis)))


def _slices(truths: list[Volume], noise: float) -> Finding:
    """How much of what motion between slices costs is won back by placing each slice."""
    shares = []
    for seed, truth in enumerate(truths):
        still, moved = (
            STACKS["stacks3-thick4"].simulate(truth, motion, noise, seed)
            for motion in (Motion(), Motion(slice_mm=1, slice_degrees=1))
        )
        best = _psnr(truth, _fused(still, acquisition="thick4", register="none").volume.array)
        whole, each = (
            _psnr(truth, _fused(moved, acquisition="thick4", register="none", motion=how).volume.array)
            for how in ("none", "slices")
        )
        shares.append(100 * (each - whole) / (best - whole))
    name = f"motion by slice of 1 mm and 1°, noise {100 * noise:g} %, won back (worst {min(shares):.0f})"
    return Finding(name, float(np.mean(shares)), "%", floor=80)


def _phantom() -> Iterator[Finding]:
    """Each of four real stacks predicted from the other three, by default and by plain least squares with the best Gaussian."""
    predict = runpy.run_path(str(DATA / "stacks" / "predict.py"))
    for left in (4, 3, 2, 1):
        others = [n for n in (1, 2, 3, 4) if n != left]
        files = [DATA / "stacks" / f"phantom_R{n}.nii.gz" for n in others]
        scans = [Scan(path.name, read_volume(path)) for path in files]
        with patch.multiple(reconstruction, **PLAIN):
            plain = max(
                _predicted(
                    predict,
                    fuse(scans, FusionSettings(model="none", register="none", acquisition=width)),
                    left,
                )
                for width in PLAIN_WIDTHS
            )
        found = _predicted(predict, fuse(scans), left)
        name = f"phantom, R{left} predicted from {', '.join(f'R{n}' for n in others)}"
        yield Finding(f"{name}, by default", found, "dB", floor=33.9 if left == 4 else None)
        yield Finding(f"{name}, over plain least squares", found - plain, "dB", floor=0.4)


def _predicted(predict: dict[str, Any], fused: Fused, left: int) -> float:
    """PSNR as `predict.py` prints it."""
    stack = nib.load(DATA / "stacks" / f"phantom_R{left}.nii.gz")
    real = np.asanyarray(stack.dataobj).astype(float)
    volume = nib.Nifti1Image(fused.volume.array, fused.volume.affine)
    seen, covered = predict["scan"](volume, stack, "gaussian", 0.7)
    tissue = covered & (gaussian_filter(real, 2) > 0.1 * np.percentile(real, 99))
    x, y = seen[tissue], real[tissue]
    scale, offset = np.polyfit(x, y, 1)
    return float(10 * np.log10(np.percentile(y, 99.9) ** 2 / np.mean((y - scale * x - offset) ** 2)))


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
