"""A tiny training: a synthetic scan with sharp edges, a small network, few steps."""

import json
from pathlib import Path

import numpy as np

from mrisr.image.files import write_volume
from mrisr.image.volume import Volume
from mrisr.progress import Monitor
from mrisr.training.options import Options

ROOT = Path(__file__).resolve().parents[2]


def balls(seed, side=48, count=60):
    """Overlapping balls of random brightness in a dark frame, float32 in [0, 1]: edges that interpolation blurs."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"))
    array = np.zeros((side,) * 3, np.float32)
    for _ in range(count):
        centre, radius = rng.uniform(6, side - 6, 3), rng.uniform(3, 7)
        array[((grid - centre[:, None, None, None]) ** 2).sum(0) < radius**2] = rng.uniform(0.2, 1)
    return array


def write_scans(folder, count=3):
    """Synthetic scans `sub-0_t1.nii.gz` … in a folder."""
    folder.mkdir(exist_ok=True)
    for n in range(count):
        write_volume(Volume(255 * balls(n), np.eye(4)), folder / f"sub-{n}_t1.nii.gz")
    return folder


def table(**changes):
    """A configuration; tables given as keywords are merged into it."""
    config = {
        "name": "tiny",
        "family": "edsr3d",
        "seed": 3,
        "network": {"width": 16, "blocks": 2, "stride": [2, 2, 2]},
        "data": {"train": ["sub-*.nii.gz"]},
        "degradation": {"refines": "all", "factor": [2, 2]},
        "patches": {"size": [24, 24, 24], "chunk": 8, "multiple": 2},
        "augmentation": {"gamma_share": 0, "remap_share": 0, "bias_share": 0, "gain": [1, 1]},
        "optimizer": {"steps": 4, "batch": 2, "rate": 4e-3, "warmup": 0.05, "ema": 0.98},
    }
    for name, value in changes.items():
        config[name] = (
            {**config[name], **value}
            if isinstance(value, dict) and isinstance(config.get(name), dict)
            else value
        )
    return config


def written_recipe(folder, steps):
    """The tiny configuration as a file, for so many steps."""
    lines = ['name = "tiny"', 'family = "edsr3d"']
    for name, content in table(optimizer={"steps": steps}).items():
        if isinstance(content, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in content.items())]
    (folder / "tiny.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "tiny.toml"


def options(tmp_path, **changes):
    """Options for a training in a temporary folder, on the CPU in full precision."""
    settings = {
        "config": tmp_path / "tiny.toml",
        "data": tmp_path,
        "work": tmp_path / "run",
        "device": "cpu",
        "precision": "fp32",
    }
    return Options(**{**settings, **changes})


def silent():
    """A monitor that shows nothing."""
    return Monitor()
