"""The documentation's pages of models say what the cards say."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from mrisr.models.card import PACKAGED, Card

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "docs" / "hooks" / "model_pages.py"


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("model_pages", HOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES = sorted(path.parent.name for path in PACKAGED.glob("*/card.json"))


def row(text, first):
    """The cells of the line of a table that begins with this one."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_the_card_says(pages, name):
    card = Card.read(PACKAGED / name)
    text = pages.page(card)
    for said in (card.label, f"`{name}`", card.purpose, card.data["license"], *card.limits):
        assert said in text
    for said in card.data.get("training", {}).get("attribution", []):
        assert said in text
    for measured in card.quality:
        gain = measured["psnr_mask"][0] - measured["psnr_mask_cubic"][0]
        assert re.search(rf"\| `{measured['protocol']}` \| .*{re.escape(f'{gain:+.2f} dB')}", text)
    for key, speed in card.speed.items():
        assert row(text, f"`{key}`")[1] == f"{speed['seconds_per_megavoxel']:.3g}"
    if card.sha256:
        assert card.sha256 in text
    recipe = card.data.get("training", {}).get("recipe")
    assert recipe is None or ((ROOT / recipe).is_file() and f"blob/main/{recipe}" in text)
    assert "None" not in text.replace("None of these", "")


def test_every_page_has_the_same_chapters(pages):
    def chapters(name):
        return re.findall("^## (.*)", pages.page(Card.read(PACKAGED / name)), re.MULTILINE)

    plain = chapters("linear")
    assert plain == [
        "What it is for", "How good it was measured to be", "How long it takes", "Where it fails", "What it was trained on",
        "License and weights",
    ]  # fmt: skip
    for name in NAMES:
        assert [each for each in chapters(name) if each in plain] == plain


def made(**changes):
    """A card that is not there."""
    data = json.loads((PACKAGED / "cubic" / "card.json").read_text(encoding="utf-8"))
    return Card.of({**data, **changes}, Path("nowhere"))


def test_where_interpolation_is_better_the_page_says_so(pages):
    scores = {"ssim_mask": [0.8, 0.01], "ssim_mask_cubic": [0.9, 0.01]}
    worse = {
        "protocol": "iso2",
        "scans": "cohort",
        "count": 3,
        "psnr_mask": [20, 1],
        "psnr_mask_cubic": [21.5, 1],
        **scores,
    }
    better = {**worse, "psnr_mask": [23, 1]}
    assert "by 1.50 dB" in pages.page(made(quality=[worse]))
    assert "nearer to the truth, by" not in pages.page(made(quality=[better]))


def test_a_bar_in_a_text_does_not_break_a_table(pages):
    assert "a \\| b" in pages.index([made(purpose="a | b")])


def test_the_index_names_each_model_once_with_gain_speed_and_size(pages):
    text = pages.index(pages.packaged())
    listed = re.findall(r"^\| \[`(.+?)`\]\((.+?)\.md\)", text, re.MULTILINE)
    assert sorted(listed) == [(name, name) for name in NAMES]
    trained = [name for name, _page in listed if (PACKAGED / name / "weights.safetensors").is_file()]
    assert trained == [name for name, _page in listed][: len(trained)]
    cells = row(text, "[`edsr3d-thick`](edsr3d-thick.md)")
    card = Card.read(PACKAGED / "edsr3d-thick")
    assert cells[1] == card.purpose
    assert cells[2].startswith("`thick4` +")
    assert cells[4] == f"{card.weights_path.stat().st_size / 1e6:.1f} MB"


def test_models_of_other_folders_are_not_on_the_site(pages, tmp_path, monkeypatch):
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path))
    assert sorted(card.name for card in pages.packaged()) == NAMES


def test_the_pages_stand_in_the_navigation_below_the_one_of_all(pages):
    class Config:
        nav = [{"Home": "index.md"}, {"Models": "models/index.md"}]

    found = pages.on_config(Config()).nav[1]["Models"]
    assert found[0] == "models/index.md"
    assert sorted(found[1:], key=str) == [{name: f"models/{name}.md"} for name in NAMES]
