import csv
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from engine.conftest import DATA
from engine.trust_scans import head
from mrisr.cli import main
from mrisr.errors import InputError
from mrisr.evaluation.contrast import BINS, UNLIKE, distance_to, gather, histogram_distance, histograms_of
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.jobs.simulation import simulate
from mrisr.models import catalog

QUIET = (
    "philips_mprage_t1",
    "uih_t1_s1",
    "ljcs_p19_flair",
    "ds011_sub-10_t1",
    "ds011_sub-14_t1",
    "ds2748_sub-64_t1",
)
"""Headline and cohort scans of the contrasts that the models were trained on."""

needs_scans = pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared scans")


def shared(name):
    rows = {row["id"]: row for row in csv.DictReader((DATA / "index.csv").open())}
    return read_volume(DATA / rows[name]["split"] / f"{name}.nii.gz")


def warned(volume, card, **settings):
    return "contrast" in [warning.code for warning in check_scan(volume, card, **settings)]


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of the user's with a copy of a model's card."""
    shutil.copytree(catalog.PACKAGED / "gradient-filters-iso2", tmp_path / "models" / "gradient-filters-iso2")
    monkeypatch.setenv(catalog.USER_FOLDERS, str(tmp_path / "models"))
    return tmp_path


shares = (
    st.lists(st.floats(0, 1), min_size=4, max_size=4)
    .filter(lambda v: sum(v) > 0.1)
    .map(lambda v: [x / sum(v) for x in v])
)


def test_the_distance_of_histograms_is_how_far_brightness_moves():
    first, second = np.zeros(BINS), np.zeros(BINS)
    first[4] = second[12] = 1
    assert histogram_distance(first, second) == pytest.approx(8 / BINS)
    with pytest.raises(InputError, match="bins"):
        histogram_distance(first, second[:16])


@given(shares, shares, shares)
def test_the_distance_of_histograms_is_a_metric_and_what_scipy_says(a, b, c):
    centers = (np.arange(4) + 0.5) / 4
    assert histogram_distance(a, b) == pytest.approx(wasserstein_distance(centers, centers, a, b), abs=1e-9)
    assert histogram_distance(a, b) == pytest.approx(histogram_distance(b, a))
    assert histogram_distance(a, c) <= histogram_distance(a, b) + histogram_distance(b, c) + 1e-9


def test_histograms_are_shares_that_do_not_depend_on_the_unit():
    scan = head()
    found = histograms_of(scan.array)
    assert {kind: len(shares) for kind, shares in found.items()} == {"head": BINS, "center": BINS}
    for kind, shares in histograms_of(scan.array * 7).items():
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert histogram_distance(shares, found[kind]) < 1e-3


def test_the_center_is_measured_on_its_own_brightness():
    array = np.zeros((40, 40, 40), np.float32)
    array[2:38, 2:38, 2:38] = 1000  # fat, say
    array[8:32, 8:32, 8:32] = 300
    array[19:21, :, :] = np.minimum(array[19:21, :, :], 150)
    found = histograms_of(array)
    assert found["center"][BINS // 2] + found["center"][BINS - 1] == pytest.approx(1, abs=1e-3)
    assert found["head"][BINS - 1] > 0.5


def test_scans_that_are_alike_are_kept_once():
    scan = head()
    kept = gather([scan.array, scan.array * 3, scan.array**3])
    assert {kind: len(histograms) for kind, histograms in kept.items()} == {"head": 2, "center": 2}
    assert distance_to(scan.array**3, {"T1w": kept}) == pytest.approx(0, abs=1e-3)
    assert distance_to(scan.array, {}) == 0


def test_a_few_voxels_below_air_change_nothing():
    scan = head().array.copy()
    known = {"T1w": gather([scan])}
    scan[::7, ::7, ::7] -= 400
    assert distance_to(scan, known) < 0.02


def test_an_empty_scan_has_no_histogram_and_raises_nothing():
    assert distance_to(np.zeros((8, 8, 8), np.float32), {"T1w": gather([head().array])}) >= 0


def test_the_command_writes_histograms_and_leaves_the_rest_of_the_card(models, capsys):
    scan = head()
    write_volume(scan, models / "a.nrrd")
    write_volume(scan.with_array(scan.array**2), models / "b.nrrd")
    path = models / "models" / "gradient-filters-iso2" / "card.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    both = f"T1w={models / 'a.nrrd'},{models / 'b.nrrd'}"
    assert main(["card", "gradient-filters-iso2", "--histograms", both, f"FLAIR={models / 'a.nrrd'}"]) == 0
    after = json.loads(path.read_text(encoding="utf-8"))
    histograms = after["training"].pop("histograms")
    before["training"].pop("histograms", None)
    assert after == before
    assert {contrast: len(kept["head"]) for contrast, kept in histograms.items()} == {"T1w": 2, "FLAIR": 1}
    assert histograms["FLAIR"] == histograms_of(scan.array) | {
        k: [v] for k, v in histograms_of(scan.array).items()
    }
    assert not warned(scan, catalog.find("gradient-filters-iso2"))
    assert "histogram" not in json.dumps(catalog.find("gradient-filters-iso2").readable)
    capsys.readouterr()


@pytest.mark.parametrize("wrong", ["a.nrrd", "T1w=", "=a.nrrd"])
def test_the_command_asks_which_contrast_a_scan_has(models, wrong, capsys):
    with pytest.raises(SystemExit):
        main(["card", "gradient-filters-iso2", "--histograms", wrong])
    assert "contrast" in capsys.readouterr().err


def test_every_model_with_weights_keeps_the_contrasts_it_names():
    for card in catalog.list_models():
        if card.sha256 is not None:
            assert set(card.contrasts) == set(card.data["training"]["histograms"]), card.name


@needs_scans
@pytest.mark.parametrize("name", QUIET)
def test_scans_of_the_trained_contrasts_are_let_pass(name):
    card, scan = catalog.find("gradient-filters-iso2"), shared(name)
    assert not warned(scan, card)
    coarse = simulate(scan, "iso2")
    assert not warned(coarse, card, target=Target.factor(2))


@needs_scans
@pytest.mark.parametrize("name", ["M2307_t2", "ljl_04_1_t2w"])
def test_t2_weighted_heads_are_told_from_what_the_models_know(name):
    (sentence,) = [
        w.sentence
        for w in check_scan(shared(name), catalog.find("gradient-filters-iso2"))
        if w.code == "contrast"
    ]
    assert "T1w, FLAIR" in sentence


@needs_scans
def test_a_negative_and_a_ct_are_told_from_what_the_models_know():
    card, scan = catalog.find("gradient-filters-iso2"), shared("philips_mprage_t1")
    array = scan.array.astype(np.float32)
    assert warned(scan.with_array(array.max() - array), card)
    tissue = array > 20
    hounsfield = np.where(tissue, 20 + 40 * array / array.max(), -1000)
    hounsfield[(array > 0.8 * array.max()) & tissue] = 900
    assert warned(scan.with_array(hounsfield.astype(np.float32)), card)
    assert UNLIKE == 0.1
