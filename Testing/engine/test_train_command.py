"""`mrisr train` as it is used in a terminal: what it says, what it refuses, and the recipe for one's own scans from folder to model."""

import contextlib
import json
import multiprocessing
import os
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from engine.training_helpers import balls, write_scans
from mrisr.cli import main
from mrisr.commands.train import RANKS
from mrisr.errors import Cancelled
from mrisr.image.files import read_volume, write_volume
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.training import trainers as train
from mrisr.training.config import Config

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "configs" / "own-scans.toml"


@pytest.fixture(autouse=True)
def alone(monkeypatch, one_thread):
    """One process on one thread, whatever started the tests."""
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)


def recipe(folder, family):
    path = folder / "recipe.toml"
    path.write_text(f'name = "tiny"\nfamily = "{family}"\n[data]\ntrain = ["."]\n', encoding="utf-8")
    return path


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The pipeline of the networks, which does nothing but name its run; what it was asked for."""
    asked = []

    def pretended(table, options, monitor, _make):
        asked.append((table, options, monitor))
        return tmp_path / "a run"

    monkeypatch.setattr("mrisr.training.run.train", pretended)
    return asked


def test_of_a_network_one_line_is_printed_and_the_way_on_is_told_beside_it(tmp_path, trained, capsys):
    assert (
        main(
            [
                "train",
                str(recipe(tmp_path, "edsr3d")),
                "--device",
                "cpu",
                "--budget",
                "2h",
                "--resume",
                "--progress",
                "off",
            ]
        )
        == 0
    )
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'a run'}\n"
    assert f'mrisr export "{tmp_path / "a run"}" tiny --output FOLDER' in said.err
    _, options, _ = trained[0]
    assert (options.device, options.budget, options.resume) == ("cpu", 7200, True)


@pytest.mark.parametrize("variable", RANKS)
def test_of_several_processes_only_the_first_speaks(tmp_path, trained, capsys, monkeypatch, variable):
    for rank, expected in (("1", ""), ("0", f"{tmp_path / 'a run'}\n")):
        monkeypatch.setenv(variable, rank)
        assert main(["train", str(recipe(tmp_path, "mdcsrn"))]) == 0
        said = capsys.readouterr()
        assert said.out == expected
        assert bool(said.err) == bool(expected)
    assert len(trained) == 2


@pytest.mark.parametrize(
    ("family", "asked"),
    [
        ("edsr3d", ["--output", "somewhere"]),
        ("mdcsrn", ["--output", "somewhere"]),
        ("features3d", ["--resume"]),
        ("features3d", ["--device", "cuda"]),
        ("features3d", ["--precision", "fp32"]),
    ],
)
def test_an_option_without_use_is_refused_with_what_to_do(tmp_path, capsys, family, asked):
    assert main(["train", str(recipe(tmp_path, family)), *asked, "--work", str(tmp_path / "work")]) == 2
    assert f"{family} has no use for {asked[0]}; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_training_that_was_stopped_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def stopped(*_everything):
        raise Cancelled("Stopped after 7 steps; go on with --resume.")

    monkeypatch.setattr("mrisr.training.run.train", stopped)
    assert main(["train", str(recipe(tmp_path, "edsr3d"))]) == 130
    assert capsys.readouterr().err == "Stopped after 7 steps; go on with --resume.\n"


def test_the_feature_network_is_written_where_it_was_asked_for(tmp_path, capsys):
    write_scans(tmp_path / "scans", 2)
    path = recipe(tmp_path, "features3d")
    patches = "[network]\nwidth = 4\n[patches]\nsize = [32, 32, 32]\nchunk = 2\n[optimizer]\nsteps = 2\n"
    path.write_text(path.read_text(encoding="utf-8") + patches, encoding="utf-8")
    assert (
        main(
            [
                "train",
                str(path),
                "--data",
                str(tmp_path / "scans"),
                "--output",
                str(tmp_path / "out"),
                "--progress",
                "off",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == f"{tmp_path / 'out'}\n"
    assert load_file(tmp_path / "out" / "features.safetensors")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
@pytest.mark.parametrize(
    ("family", "package"), [("edsr3d", "accelerate"), ("edsr3d", "tensorboard"), ("ddpm", "accelerate")]
)
def test_packages_that_are_missing_are_named_with_what_brings_them(tmp_path, family, package):
    """In a fork, which can forget what it has imported, and has torch already."""
    child = multiprocessing.get_context("fork").Process(
        target=train_without, args=(package, recipe(tmp_path, family), tmp_path / "told")
    )
    child.start()
    child.join()
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert child.exitcode == 2, told
    assert f"needs the package {package}" in told
    assert "pip install '.[train]'" in told


def train_without(package, path, told):
    for name in list(sys.modules):
        if name.partition(".")[0] == package or name.startswith(("mrisr.training", "mrisr.families")):
            del sys.modules[name]
    sys.modules[package] = None
    with told.open("w", encoding="utf-8") as file, contextlib.redirect_stderr(file):
        code = main(["train", str(path)])
    sys.exit(code)


def test_the_packages_of_training_are_those_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert {requirement.split(">")[0] for requirement in extras["train"]} == set(train.PACKAGES)


def test_the_recipe_for_ones_own_scans_fits_the_model_it_starts_from():
    config = Config.of(tomllib.loads(OWN.read_text(encoding="utf-8")))
    packaged = catalog.find(config.start)
    assert config.name == OWN.stem
    assert dict(config.network) == packaged.hyperparameters
    assert [list(config.degradation.factor)] == [each["factor"] for each in packaged.data["trained_for"]]
    assert (config.data.train, config.validation.headline) == ((".",), ())


def test_the_recipe_for_ones_own_scans_leads_from_a_folder_to_a_model(tmp_path, monkeypatch):
    scans, models, run = tmp_path / "scans", tmp_path / "models", tmp_path / "run"
    for subject in ("sub-01", "sub-02", "sub-03"):
        volume = Volume(255 * balls(int(subject[-1]), side=36), np.eye(4))
        write_volume(volume, scans / subject / "anat" / f"{subject}_T1w.nii.gz")
    short = tmp_path / OWN.name
    short.write_text(
        OWN.read_text(encoding="utf-8").replace("budget_minutes = 120", "steps = 1"), encoding="utf-8"
    )
    compute = ["--device", "cpu", "--precision", "fp32", "--progress", "off"]
    assert main(["train", str(short), "--data", str(scans), "--work", str(run), *compute]) == 0
    assert main(["export", str(run), "mine", "--output", str(models), *compute]) == 0
    card = json.loads((models / "mine" / "card.json").read_text(encoding="utf-8"))
    assert len(card["training"]["scans"]) == 2
    assert {(row["protocol"], row["count"]) for row in card["quality"]} == {("thick4", 1), ("thick6", 1)}
    # After one step the weights are still nearly those of the packaged model, which is better than interpolation.
    assert all(row["psnr_mask"][0] > row["psnr_mask_cubic"][0] for row in card["quality"])
    monkeypatch.setenv("MRISR_MODELS", str(models))
    thick, fine = tmp_path / "thick.nii", tmp_path / "fine.nii"
    write_volume(Volume(255 * balls(9, side=36)[:16, ::4, :16], np.diag([1.0, 4.0, 1.0, 1.0])), thick)
    assert main(["enhance", str(thick), str(fine), "--isotropic", "--model", "mine", *compute]) == 0
    assert read_volume(fine).shape == (16, 36, 16)
