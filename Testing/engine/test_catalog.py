import hashlib
import io
import json
import os
import re
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mrisr.cli import main
from mrisr.errors import MISTAKE, CatalogError
from mrisr.image.volume import Volume
from mrisr.jobs import worker
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.models.discovery import build, families
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A user's folder of models with one in it; `change(**fields)` rewrites its card."""
    folder = tmp_path / "mine"
    folder.mkdir()
    save_file({"w": torch.arange(3.0)}, folder / "weights.safetensors")
    base = json.loads((catalog.PACKAGED / "cubic" / "card.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    base |= {"name": "mine", "weights": {"sha256": digest}}

    def change(**fields):
        (folder / "card.json").write_text(json.dumps(base | fields))
        return folder

    change()
    monkeypatch.setenv(catalog.USER_FOLDERS, str(tmp_path))
    return change


def test_every_packaged_model_follows_the_schema_and_loads():
    cards = catalog.list_models()
    assert [c.name for c in cards[:4]] == ["back-projection", "cubic", "lanczos", "linear"]
    for card in cards:
        catalog.check(card)
        assert catalog.load_model(card.name).card.name == card.name


def test_every_packaged_model_is_of_a_family_that_is_found():
    found = families()
    assert {card.family for card in catalog.list_models()} == {
        name for name, family in found.items() if family.model
    }
    assert all(family.name == name for name, family in found.items())


def test_a_broken_card_is_told_of_and_the_others_are_listed(shelf):
    (shelf() / "card.json").write_text("{")
    told = []
    names = [card.name for card in catalog.list_models(told.append)]
    assert "cubic" in names
    assert "mine" not in names
    assert "card.json" in str(told[0])


def test_a_users_model_is_found_and_its_weights_are_those_of_the_card(shelf):
    shelf()
    card = catalog.find("mine")
    assert card in [c for c in catalog.list_models() if c.name == "mine"]
    torch.testing.assert_close(catalog.load_weights(card)["w"], torch.arange(3.0))


def test_tampered_weights_are_refused_and_named(shelf):
    folder = shelf()
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CatalogError, match=r"weights\.safetensors are not those of the card"):
        catalog.load_model("mine")


def test_missing_weights_are_named(shelf):
    (shelf() / "weights.safetensors").unlink()
    with pytest.raises(CatalogError, match=r"weights\.safetensors cannot be read; install"):
        catalog.load_model("mine")


def test_a_pickle_is_refused_even_with_the_right_hash(shelf):
    folder = shelf()
    torch.save({"w": torch.ones(2)}, folder / "weights.safetensors")
    shelf(weights={"sha256": hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()})
    with pytest.raises(CatalogError, match="no safetensors file"):
        catalog.load_model("mine")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"purpose": ""}, "purpose"),
        ({"initial": "nearest"}, "initial"),
        ({"surprise": 1}, "surprise"),
        ({"name": "other"}, "name its folder so"),
        ({"weights": {"sha256": "abc"}}, "sha256"),
        ({"trained_for": [{"refined_axes": [4], "factor": [1, 2]}]}, "refined_axes"),
        ({"trained_for": [{"factor": [1, 2]}]}, "refined_axes"),
        ({"quality": 3}, "broken"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused_and_named(shelf, change, words):
    shelf(**change)
    with pytest.raises(CatalogError, match=words) as refusal:
        catalog.check(catalog.find("mine"))
    assert "card.json" in str(refusal.value)
    assert main(["models", "show", "mine"]) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}"])
def test_a_card_that_is_none_is_refused_and_named(shelf, text):
    (shelf() / "card.json").write_text(text)
    with pytest.raises(CatalogError, match=r"card\.json is broken.*install the model again"):
        catalog.list_models()


def test_an_unknown_family_and_an_unknown_model_are_answered_with_the_known(shelf):
    shelf(family="telepathy")
    with pytest.raises(CatalogError, match="interpolation"):
        catalog.load_model("mine")
    with pytest.raises(CatalogError, match="cubic"):
        catalog.find("nonesuch")


def test_a_card_says_whether_a_factor_lies_in_its_training(shelf):
    folder = shelf(
        trained_for=[{"refined_axes": [1], "factor": [2, 6]}, {"refined_axes": [0], "factor": [1, 1]}]
    )
    card = Card.read(folder)
    assert card.misfit((1, 1, 4)) is None
    assert card.misfit((6.2, 1, 1)) is None
    assert card.misfit((1, 1, 1)) is None
    assert "not for a factor of 1 x 1 x 4 (50 % of k-space)" in card.misfit((1, 1, 4), kspace=(0.5, 1, 1))
    for factor in [(2, 2, 2), (1, 8, 1), (1.5, 1, 1)]:
        assert "one axis by 2 to 6" in card.misfit(factor)


def test_on_the_same_matrix_a_stated_blur_must_be_one_of_those_trained(shelf):
    finer = {"refined_axes": [3], "factor": [2, 2], "profile": ["gaussian"]}
    same = {"refined_axes": [0], "factor": [1, 1], "profile": ["spline"]}
    card = Card.read(shelf(trained_for=[finer, same]))
    assert card.misfit((1, 1, 1), profile=("spline",) * 3) is None
    assert card.misfit((1, 1, 1), profile=("none",) * 3) is None
    assert "the same matrix (spline), not for the same matrix (gaussian)" in card.misfit(
        (1, 1, 1), profile=("gaussian",) * 3
    )
    assert card.misfit((2, 2, 2), profile=("rectangle",) * 3) is None


def test_on_the_same_matrix_a_stated_truncation_must_be_one_of_those_trained(shelf):
    card = Card.read(
        shelf(
            trained_for=[{"refined_axes": [0], "factor": [1, 1], "profile": ["none"], "kspace": [0.4, 0.6]}]
        )
    )
    assert card.misfit((1, 1, 1), kspace=(0.5, 0.5, 1)) is None
    misfit = card.misfit((1, 1, 1), kspace=(0.2, 0.2, 1))
    assert (
        "was trained for the same matrix (40 to 60 % of k-space), not for the same matrix (20 % of k-space):"
        in misfit
    )


@pytest.mark.parametrize(
    "family", [name for name in families() if families()[name].model and not families()[name].weightless]
)
def test_a_family_with_weights_is_not_built_without(family):
    card = next(card for card in catalog.list_models() if card.sha256 is not None)
    lost = Card.of({**card.data, "family": family}, card.folder)
    with pytest.raises(CatalogError, match="needs weights"):
        build(lost, None)


def test_a_model_is_found_by_its_name_its_folder_or_its_card(tmp_path):
    folder = tmp_path / "anywhere" / "mine"
    shutil.copytree(catalog.PACKAGED / "linear", folder)
    (folder / "card.json").write_text(
        (folder / "card.json").read_text(encoding="utf-8").replace('"linear"', '"mine"', 1), encoding="utf-8"
    )
    card = catalog.find(folder)
    assert card.folder == folder
    assert catalog.find(card) is card
    assert catalog.find("linear").folder == catalog.PACKAGED / "linear"
    scan = Volume(np.random.default_rng(0).random((6, 6, 6)).astype(np.float32), np.eye(4))
    results = [enhance(scan, Settings(model=model)) for model in ("linear", folder, card)]
    assert all(np.array_equal(results[0].volume.array, other.volume.array) for other in results[1:])
    with pytest.raises(CatalogError, match="cannot be read"):
        catalog.find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["../mine", "mine/../mine", "{}", "{}/", "..", ".", "", "x" * 5000, "mi\0ne"]
)
def test_a_text_is_a_name_and_never_leads_out_of_the_folders_of_models(
    shelf, tmp_path, monkeypatch, capsys, text
):
    shutil.copytree(shelf(), tmp_path / "elsewhere" / "mine")
    (tmp_path / "elsewhere" / "models").mkdir()
    monkeypatch.setenv(catalog.USER_FOLDERS, str(tmp_path / "elsewhere" / "models"))
    monkeypatch.chdir(tmp_path / "elsewhere" / "models")
    name = text.format(tmp_path / "elsewhere" / "mine")
    with pytest.raises(CatalogError, match="There is no model"):
        catalog.find(name)
    job = tmp_path / "job.json"
    task = {"task": "enhancement", "input": "a.nii", "output": "b.nii", "settings": {"model": name}}
    job.write_text(json.dumps(task), encoding="utf-8")
    assert worker.main(str(job), io.StringIO()) == MISTAKE
    assert "There is no model" in capsys.readouterr().out


def test_whose_models_they_are_is_told(shelf, tmp_path, capsys):
    shelf()
    shutil.copytree(catalog.PACKAGED / "cubic", tmp_path / "cubic")
    assert main(["models"]) == 0
    entries = [" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", capsys.readouterr().out)]
    told = {entry.split()[0]: entry for entry in entries}
    assert f" [from {tmp_path / 'mine'}] " in told["mine"]
    assert f" [from {tmp_path / 'cubic'}, in place of the packaged one] " in told["cubic"]
    assert "[from" not in told["linear"]
    assert main(["models", "show", "cubic"]) == 0
    assert f"origin: from {tmp_path / 'cubic'}, in place" in capsys.readouterr().out
    assert main(["models", "show", "linear"]) == 0
    assert "origin" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices with names are POSIX's")
@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a device"])
def test_what_would_be_read_for_ever_is_refused(shelf, tmp_path, name, kind):
    folder = shelf()
    (folder / name).unlink()
    pipe = folder / name if kind == "pipe" else tmp_path / "pipe"
    os.mkfifo(pipe)
    if kind != "pipe":
        (folder / name).symlink_to("/dev/zero" if "device" in kind else pipe)
    with pytest.raises(CatalogError, match="device or a pipe"):
        catalog.load_weights(catalog.find(folder))
    assert {card.name for card in catalog.list_models()} >= {"cubic"}
