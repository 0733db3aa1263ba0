"""A training that is carried to a borrowed computer: the same scans, in time, with torch alone, and a model of it at home."""

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.training_helpers import options, write_scans, written_recipe
from mrisr.cli import main
from mrisr.errors import ConfigError, FileError
from mrisr.models.catalog import load_model
from mrisr.progress import Monitor
from mrisr.training import borrowed as borrowed_training
from mrisr.training import bundle as bundles
from mrisr.training import checkpoint
from mrisr.training.data.mosaics import as_picture, from_picture
from mrisr.training.data.scans import ScanFile, load_scan
from mrisr.training.trainers import read_config

ABSENT = (
    "accelerate",
    "monai",
    "SimpleITK",
    "scipy",
    "nibabel",
    "safetensors",
    "pydicom",
    "tensorboard",
    "matplotlib",
)


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 8))))
def test_pictures_hold_every_voxel(volume):
    assert np.array_equal(from_picture(as_picture(volume), volume.shape), volume)


def test_other_pictures_are_refused():
    content = as_picture(np.random.default_rng(0).integers(0, 256, (5, 6, 7), np.uint8))
    for wrong, shape in ((content, (50, 6, 7)), (content[:40], (5, 6, 7)), (b"no picture", (5, 6, 7))):
        with pytest.raises(FileError, match="bundle"):
            from_picture(wrong, shape)


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """A bundle of three small scans, one of them held, and its recipe."""
    home = tmp_path_factory.mktemp("home")
    write_scans(home / "scans")
    recipe = written_recipe(home, 1)
    text = '\n[validation]\nheadline = ["sub-2_t1.nii.gz"]\nprotocols = ["iso2"]\n[losses]\npsnr = 1.0\n'
    recipe.write_text(recipe.read_text(encoding="utf-8") + text, encoding="utf-8")
    arguments = ["train", str(recipe), "--data", str(home / "scans"), "--bundle", str(home / "bundle")]
    assert main([*arguments, "--progress", "off"]) == 0
    return home


def test_a_bundle_holds_what_is_learned_from_and_what_is_measured_on(carried):
    found = bundles.read_bundle(carried / "bundle")
    assert [scan.name for scan in found.scans] == ["sub-0_t1", "sub-1_t1"]
    for scan in found.scans:
        own = load_scan(ScanFile(carried / "scans" / f"{scan.name}.nii.gz"))
        assert np.array_equal(scan.array, own.array)
        assert (scan.weight, scan.sharp) == (own.weight, own.sharp)
    assert list(found.held) == ["sub-2_t1"]
    assert found.start is None


def test_scans_that_do_not_fit_are_named(carried, tmp_path, monkeypatch):
    said = []
    size = (carried / "bundle" / "scan-00.webp").stat().st_size
    monkeypatch.setattr(bundles, "LARGEST_MB", 1.1 * size / 1e6)
    monitor = Monitor(log=said.append)
    asked = options(tmp_path, config=carried / "tiny.toml", data=carried / "scans")
    bundles.write_bundle(read_config(carried / "tiny.toml"), asked, tmp_path / "small", monitor)
    assert [scan.name for scan in bundles.read_bundle(tmp_path / "small").scans] == ["sub-0_t1"]
    assert "sub-1_t1" in said[-1]
    with pytest.raises(ConfigError, match="exists"):
        bundles.write_bundle(read_config(carried / "tiny.toml"), asked, tmp_path / "small", monitor)


BORROWED = """
import sys
for name in {absent}:
    sys.modules[name] = None
from mrisr.cli import main
sys.exit(main({arguments}))
"""


def borrowed(folder, *more):
    """The training as a process that has torch, NumPy and Pillow."""
    arguments = ["train", str(folder / "bundle" / "config.toml"), "--minutes", "0.1", "--device", "cpu"]
    arguments += ["--precision", "fp32", "--progress", "off", "--work", str(folder / "run"), *more]
    code = BORROWED.format(absent=ABSENT, arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False
    )


def test_a_borrowed_computer_trains_with_torch_alone_goes_on_and_becomes_a_model(carried):
    first = borrowed(carried)
    assert first.returncode == 0, first.stderr
    run = carried / "run"
    pieces = sorted(path.name for path in run.glob("last.pt*"))
    assert pieces == ["last.pt.000"]
    before = checkpoint.load(run / checkpoint.LAST)["state"]
    assert before["step"] >= 1
    assert [row["step"] for row in before["validations"]] == [0, before["step"]]
    assert before["validations"][0]["iso2"] == pytest.approx(
        0, abs=1e-6
    )  # an untrained network returns what it is shown
    again = borrowed(carried)
    assert again.returncode != 0
    assert "--resume" in again.stderr
    assert borrowed(carried, "--resume").returncode == 0
    after = checkpoint.load(run / checkpoint.LAST)["state"]
    assert after["step"] > before["step"]
    assert after["validations"][:2] == before["validations"]
    table = (run / "gains.md").read_text(encoding="utf-8").splitlines()
    assert table[0] == "| steps | iso2, dB over interpolation |"
    assert len(table) == 2 + len(after["validations"])
    assert (
        main(
            [
                "export",
                str(run),
                "mine",
                "--output",
                str(carried / "models"),
                "--unmeasured",
                "--progress",
                "off",
            ]
        )
        == 0
    )
    network = load_model(Path(carried / "models" / "mine")).network
    kept = checkpoint.load(run / checkpoint.LAST)["average"]["weights"]
    torch.testing.assert_close(network.state_dict()["head.weight"], kept["head.weight"], atol=1e-3, rtol=1e-2)


def test_a_sitting_ends_when_its_time_is_over(carried, tmp_path, monkeypatch):
    """By a clock that a look at it moves on by a second, whatever the machine does."""
    clock = count()
    monkeypatch.setattr(borrowed_training, "time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    found = bundles.read_bundle(carried / "bundle")
    sitting = borrowed_training.Sitting(found, options(tmp_path), Monitor())
    sitting.run(until=next(clock) + 12)
    assert 3 <= sitting.step <= 12
    assert next(clock) < 20


@pytest.mark.parametrize("most", [100, 1000, 10**7])
def test_pieces_are_no_larger_than_asked_and_hold_all(tmp_path, most):
    path = tmp_path / "last.pt"
    checkpoint.save_pieces(path, {"network": {"w": torch.arange(2000.0)}}, most=64)
    checkpoint.save_pieces(path, {"network": {"w": torch.arange(700.0)}}, most=most)
    assert max(piece.stat().st_size for piece in tmp_path.iterdir()) <= most
    assert torch.equal(checkpoint.load(path)["network"]["w"], torch.arange(700.0))
    assert checkpoint.exists(path)


def test_no_bundle_is_told(tmp_path):
    with pytest.raises(FileError, match="--bundle"):
        bundles.read_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text(json.dumps({"scans": [{}], "held": []}))
    with pytest.raises(FileError, match="--bundle"):
        bundles.read_bundle(tmp_path)
