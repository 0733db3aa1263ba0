"""A family is one folder: what is put beside the others is trained, exported, drawn and run without any other edit."""

import sys
from dataclasses import fields
from textwrap import dedent

import numpy as np
import pytest

import mrisr.families
from engine.training_helpers import write_scans
from mrisr.cli import main
from mrisr.errors import CatalogError
from mrisr.image.files import read_volume
from mrisr.models.catalog import USER_FOLDERS, load_model
from mrisr.models.discovery import families, family_named
from mrisr.models.hyperparameters import NetworkSettings, divided

RECORD = '''
    """One convolution."""

    from mrisr.models.family import Family, Figure
    from mrisr.training.trainers import pack_run, train_network


    def _model(card, weights):
        from mrisr.neural.convolutional import Convolutional

        return Convolutional(card, weights)


    def _network(**settings):
        from .network import OneConvolution

        return OneConvolution(**settings)


    def _kernel(output, model):
        output.write_text(str(tuple(model.network.change.weight.shape)))


    FAMILY = Family(
        name="one-convolution", model=_model, network=_network, training=train_network, packing=pack_run,
        figures={"kernel": Figure("the kernel", _kernel, needs=("model",))},
    )
'''
NETWORK = '''
    """The network of a convolution."""

    import torch
    from torch import nn


    class OneConvolution(nn.Module):
        halo = 1

        def __init__(self, side=3, planes=3):
            super().__init__()
            self.change = nn.Conv3d(1 + planes, 1, side, padding=side // 2)

        def forward(self, x):
            return x[:, :1] + 0.1 * self.change(x)
'''


def furnish(folder, room, record):
    (folder / room).mkdir(parents=True)
    (folder / room / "__init__.py").write_text(dedent(record), encoding="utf-8")
    (folder / room / "network.py").write_text(dedent(NETWORK), encoding="utf-8")


@pytest.fixture
def annex(tmp_path, monkeypatch):
    """A folder beside the families' own, which are listed along with them; what is imported from it is forgotten."""
    before = set(sys.modules)
    monkeypatch.setattr(mrisr.families, "__path__", [*mrisr.families.__path__, str(tmp_path / "annex")])
    yield tmp_path / "annex"
    for name in set(sys.modules) - before:
        if name.startswith("mrisr.families."):
            del sys.modules[name]


@pytest.mark.usefixtures("one_thread")
def test_a_family_in_a_folder_trains_exports_draws_and_runs(annex, tmp_path, monkeypatch):
    furnish(annex, "one_convolution", RECORD)
    monkeypatch.setenv(USER_FOLDERS, str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    write_scans(tmp_path / "scans", 2)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "single"\nfamily = "one-convolution"\n[network]\nside = 3\n[data]\ntrain = ["."]\n'
        "[patches]\nsize = [16, 16, 16]\nchunk = 2\n[optimizer]\nsteps = 2\n[validation]\nminutes = 0\n",
        encoding="utf-8",
    )
    assert (
        main(
            [
                "train",
                str(recipe),
                "--data",
                str(tmp_path / "scans"),
                "--precision",
                "fp32",
                "--progress",
                "off",
            ]
        )
        == 0
    )
    assert (
        main(["export", "runs/single", "single", "--output", str(tmp_path / "models"), "--unmeasured"]) == 0
    )
    assert main(["figure", "kernel", "single", str(tmp_path / "kernel.svg")]) == 0
    assert (tmp_path / "kernel.svg").read_text() == "(1, 4, 3, 3, 3)"
    scan, result = (tmp_path / name for name in ("scans/sub-0_t1.nii.gz", "result.nii.gz"))
    ask = [
        "--model",
        "single",
        "--factor",
        "2",
        "--device",
        "cpu",
        "--precision",
        "fp32",
        "--progress",
        "off",
    ]
    assert main(["enhance", str(scan), str(result), *ask]) == 0
    assert read_volume(result).shape == tuple(2 * n for n in read_volume(scan).shape)


@pytest.mark.parametrize(
    "record", ["", "from mrisr.models.family import Family\nFAMILY = Family(name='another')\n"]
)
def test_a_folder_without_its_record_is_told_of(annex, record):
    furnish(annex, "unfinished", record)
    with pytest.raises(CatalogError, match="unfinished has no record FAMILY of the name 'unfinished'"):
        families()


def test_an_unknown_family_is_answered_with_those_that_make_models():
    with pytest.raises(CatalogError, match="known: ddpm, edsr3d, gradient-filters, interpolation, mdcsrn"):
        family_named("random-forest")


def test_every_hyperparameter_of_a_card_is_the_models_or_the_networks():
    model = load_model("edsr3d-thick")
    settings, network = divided(model.card.hyperparameters, NetworkSettings)
    assert (settings.refines, settings.projections) == ("one", 4)
    assert not set(network) & {each.name for each in fields(settings)}
    assert {**network, "refines": "one", "projections": 4, "told": False} == model.card.hyperparameters


def test_settings_that_are_missing_have_their_defaults_and_those_without_are_asked_for():
    assert divided({}, NetworkSettings) == (NetworkSettings(refines="all", projections=0), {})
    with pytest.raises(TypeError, match="one_axis"):
        divided({"banks": []}, family_named("gradient-filters").settings)
    assert np.isclose(
        divided({"one_axis": True, "banks": []}, family_named("gradient-filters").settings)[0].air, 0.03
    )
