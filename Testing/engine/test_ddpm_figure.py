"""Pictures of diffusion: what they show is what was computed."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from engine.test_export import write_run
from engine.training_helpers import balls
from mrisr.cli import main
from mrisr.families.ddpm.figure import frames, noising_figure, schedules_figure
from mrisr.families.ddpm.schedule import cosine, published
from mrisr.image.files import write_volume
from mrisr.image.grid import Target
from mrisr.image.spectrum import fine_energy
from mrisr.image.volume import Volume
from mrisr.models.catalog import USER_FOLDERS, load_model
from mrisr.neural.networks import build_network
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.reports.figure import slice_of
from mrisr.training.export import export_run

NETWORK = {"mean": {"family": "edsr3d", "width": 4, "blocks": 1}, "widths": [8, 8], "heads": 0}


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv(USER_FOLDERS, str(tmp_path / "models"))
    torch.manual_seed(0)
    run = write_run(
        tmp_path / "run", build_network("ddpm", NETWORK), family="ddpm", card={"tile": {"multiple": 4}}
    )
    record = json.loads((run / "config.json").read_text(encoding="utf-8"))
    record["config"]["network"] = NETWORK
    (run / "config.json").write_text(json.dumps(record), encoding="utf-8")
    export_run(run, "tiny", tmp_path / "models" / "tiny")
    return load_model("tiny")


@pytest.fixture
def scan(tmp_path):
    volume = Volume(balls(2, side=16, count=20), np.eye(4))
    write_volume(volume, tmp_path / "scan.nii.gz")
    return volume


def test_the_curves_are_the_schedules():
    amounts, ratio = schedules_figure().axes
    lines = {line.get_label(): line.get_ydata() for line in amounts.lines}
    assert np.array_equal(lines["published: noise"], published().noise)
    assert np.array_equal(lines["cosine: signal"], cosine().signal)
    half = ratio.lines[0].get_ydata()[499]
    assert half == pytest.approx(0, abs=0.05)  # as much signal as noise half way


def test_a_slice_drowns():
    figure = noising_figure(Volume(balls(4), np.eye(4)))
    rows = np.array([ax.images[0].get_array() for ax in figure.axes]).reshape(2, 8, 48, 48)
    for row in rows:
        likeness = [np.corrcoef(row[0].ravel(), picture.ravel())[0, 1] for picture in row]
        assert likeness[0] == pytest.approx(1)
        assert likeness == sorted(likeness, reverse=True) or likeness[2] < 0.1
        assert abs(likeness[-1]) < 0.1


def test_frames_end_with_the_result(model, scan):
    settings = Settings(model="tiny", target=Target.factor(2), device="cpu", precision="fp32", steps=4)
    shown, aspect = frames(model, scan, settings, "coronal", every=2)
    assert [caption for caption, _ in shown] == ["step 1", "step 3", "result"]
    assert aspect == pytest.approx(1)
    expected = slice_of(enhance(scan, settings, model=model).volume, "coronal")[0]
    assert np.array_equal(shown[-1][1], expected)
    noise = [np.abs(picture - expected).mean() for _, picture in shown]
    assert noise[0] > noise[1] > 0
    assert model.watch is None


@pytest.mark.parametrize("name", ["strip.png", "strip.gif"])
def test_the_command_draws_a_sampling(name, model, scan, tmp_path, capsys):
    path = tmp_path / name
    ask = ["figure", "sampling", "tiny", str(tmp_path / "scan.nii.gz"), str(path)]
    assert main([*ask, "--steps", "3", "--every", "1", "--box", "12"]) == 0
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == (3 if name.endswith("gif") else 1)
        assert name.endswith("png") or image.size == (24, 24)
    assert str(path) in capsys.readouterr().out


def test_the_command_draws_schedules_and_noising(scan, tmp_path, capsys):
    for number, ask in enumerate([["schedule"], ["noising", str(tmp_path / "scan.nii.gz")]]):
        path = tmp_path / f"{number}.png"
        assert main(["figure", *ask, str(path)]) == 0
        assert path.stat().st_size > 5000
    assert main(["figure", "schedule", str(tmp_path / "a.txt")]) == 2
    assert "end its name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [("tiny", ["--every", "0"], "1 step or more"), ("cubic", [], "of models of the family ddpm")],
)
@pytest.mark.usefixtures("model")
def test_impossible_samplings_are_refused(name, more, message, scan, tmp_path, capsys):
    assert (
        main(["figure", "sampling", name, str(tmp_path / "scan.nii.gz"), str(tmp_path / "a.png"), *more]) == 2
    )
    assert message in capsys.readouterr().err


def test_fine_energy_is_that_of_the_upper_half_of_the_frequencies():
    i = np.arange(64)
    low, high = (np.broadcast_to(np.cos(np.pi * f * i), (64, 64, 64)) for f in (0.2, 0.8))
    assert fine_energy(low) < 1e-3 * fine_energy(high)
    assert fine_energy(2 * high) == pytest.approx(4 * fine_energy(high), rel=1e-3)
    expected = (np.hanning(64) ** 2).sum() ** 2 * ((np.hanning(64) * high[0, 0]) ** 2).sum()
    assert fine_energy(high) == pytest.approx(expected, rel=0.02)
