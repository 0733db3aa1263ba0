"""How far the truth may lie from a result: bins and half-widths, a run's interval, and what the cards say of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engine.conftest import phantom
from engine.trust_scans import head
from mrisr.commands.calibrate_intervals import was_seen
from mrisr.errors import CatalogError, InputError
from mrisr.image.grid import Target
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.trust.interval import SHAPE, Intervals, bins, steepness, trusted

FACTOR = (2.0, 2.0, 2.0)
RISING = tuple(
    tuple(0.01 * (1 + row) * (1 + column) for column in range(SHAPE[1])) for row in range(SHAPE[0])
)


def pair(seed=0, shape=(14, 12, 10)):
    rng = np.random.default_rng(seed)
    initial = ndimage.gaussian_filter(rng.random(shape), 1).astype(np.float32)
    return initial + rng.normal(0, 0.03, shape).astype(np.float32), initial


def test_bins_against_their_definition():
    result, initial = pair()
    added = ndimage.gaussian_filter(np.abs(result - initial), 1, mode="nearest")
    squares = np.zeros(result.shape)
    for axis in range(3):
        steps = np.diff(result.astype(np.float64), axis=axis)
        ends = [(0, 0)] * 3
        for side in ((1, 0), (0, 1)):
            ends[axis] = side
            squares += (2 * np.pad(steps, ends)) ** 2 / 2
    edges = ndimage.gaussian_filter(np.sqrt(squares), 1, mode="nearest")
    np.testing.assert_allclose(steepness(result, FACTOR), np.sqrt(squares), atol=1e-4)
    column = np.searchsorted(0.002 * 2.0 ** np.arange(SHAPE[1] - 1), added, side="right")
    row = np.searchsorted(0.02 * 2.0 ** np.arange(SHAPE[0] - 1), edges, side="right")
    np.testing.assert_array_equal(bins(result, initial, FACTOR), row * SHAPE[1] + column)


def test_only_the_refined_axes_have_edges_and_all_where_none_is():
    volume = np.zeros((6, 6, 6), np.float32)
    volume[:, 3:] = 1
    assert steepness(volume, (4.0, 1.0, 1.0)).max() == 0
    assert steepness(volume, (1.0, 4.0, 1.0)).max() == pytest.approx(4 / np.sqrt(2))
    assert steepness(volume, (1.0, 1.0, 1.0)).max() == pytest.approx(1 / np.sqrt(2))


def test_the_same_on_tensors():
    result, initial = pair(1)
    intervals = Intervals(RISING, 1.5, 1.1)
    on_host = intervals.half_width(result, initial, FACTOR, 0.01)
    device = intervals.half_width(torch.from_numpy(result), torch.from_numpy(initial), FACTOR, 0.01)
    assert device.dtype == torch.float32
    assert (np.abs(device.numpy() - on_host) > 1e-6).mean() < 0.01  # but for rounding at a bin's border


@given(
    st.lists(st.floats(1e-4, 1), min_size=4, max_size=4),
    st.integers(0, 3),
    st.floats(0, 1),
    st.floats(0, 0.1),
)
def test_wider_quantiles_and_more_noise_never_make_the_interval_narrower(values, which, more, noise):
    def widths(quantiles, sigma):
        return Intervals(((quantiles[0], quantiles[1]), (quantiles[2], quantiles[3])), 1.3, 1.2).widths(sigma)

    raised = [v + more * (n == which) for n, v in enumerate(values)]
    assert (widths(raised, noise) >= widths(values, noise)).all()
    assert (widths(values, noise + 0.01) >= widths(values, noise)).all()
    np.testing.assert_allclose(widths(values, 0.0), 1.2 * np.array(values), rtol=1e-5)


@settings(max_examples=4, deadline=None)
@given(st.floats(1e-3, 1e4), st.floats(0, 2))
def test_a_scan_in_other_units_has_the_same_interval_in_those(scale, noise):
    measured = card_with(catalog.find("cubic"))
    scan = head((18, 16, 16), noise=0.01 * noise)
    asked = Settings(model=measured, target=Target.factor(2), interval=True)
    one = enhance(scan, asked).interval
    other = enhance(scan.with_array((scan.array * np.float32(scale)).astype(np.float32)), asked).interval
    np.testing.assert_allclose(np.median(other.array / one.array), scale, rtol=1e-3)
    assert (np.abs(other.array - scale * one.array) > 0.01 * scale * one.array).mean() < 0.01


def card_with(card, **more):
    """A card with an interval that was made up."""
    entry = {
        "level": 0.9,
        "table": RISING,
        "noise": 1.5,
        "factor": 1.1,
        "coverage": {"all": {"people": 12, "share": 0.91}},
        "protocols": {"iso2, 0 % noise": 0.9},
        "scans": ["a"],
    }
    if card.sha256:
        entry["weights"] = card.sha256
    return Card.of({**card.data, "interval": {**entry, **more}}, card.folder)


def test_the_interval_of_a_run_is_that_of_its_result_and_told_in_words():
    scan = head((26, 24, 22), noise=0.01)
    card = card_with(catalog.find("cubic"))
    settings_asked = Settings(model=card, target=Target.factor(2), interval=True)
    found = enhance(scan, settings_asked)
    assert enhance(scan, replace(settings_asked, interval=False)).interval is None
    np.testing.assert_allclose(found.interval.affine, found.volume.affine)
    told = found.provenance["interval"]
    scale = told["trusted_below"] / 0.1
    noise = found.provenance["trust"]["noise"] / scale
    widths = Intervals.of(card.intervals).widths(noise) * scale
    assert np.isclose(found.interval.array[..., None], widths, rtol=1e-3).any(axis=-1).all()
    assert "9 of 10 voxels of scans like yours the truth lay within ± this much" in told["sentence"]
    inside = found.volume.array > 0.05 * scale
    assert told["trusted_share"] == pytest.approx(
        trusted(found.interval.array, scale)[inside].mean(), abs=0.01
    )
    assert told["condition"] == ""


def test_a_region_has_the_interval_of_its_part():
    scan, card = head((26, 24, 22), noise=0.0), card_with(catalog.find("linear"))
    asked = Settings(model=card, target=Target.factor(2), interval=True, region=((4, 4, 4), (14, 16, 12)))
    found = enhance(scan, asked)
    assert found.interval.shape == found.volume.shape == (20, 24, 16)


def test_what_was_measured_otherwise_is_said():
    scan, card = head((26, 24, 22)), card_with(catalog.find("cubic"))
    asked = Settings(model=card, target=Target.factor(2), interval=True)
    for other in (
        replace(asked, detail=0.5),
        replace(asked, consistency=7),
        replace(asked, target=Target.factor(1)),
    ):
        told = enhance(scan, other).provenance["interval"]
        assert "may be too narrow here" in told["condition"]
        assert told["condition"] in told["sentence"]


def test_a_model_that_nobody_measured_says_so(tmp_path, capsys):
    bare = catalog.find("cubic")
    bare = Card.of({key: value for key, value in bare.data.items() if key != "interval"}, bare.folder)
    with pytest.raises(
        InputError, match="Nobody has measured how far the truth lies from the results of cubic"
    ):
        enhance(phantom((12, 12, 12)), Settings(model=bare, interval=True))


def test_a_broken_table_is_refused_in_a_sentence():
    card = card_with(catalog.find("cubic"), table=[[0.1, 0.2], [0.3]])
    with pytest.raises(CatalogError, match="no rectangle"):
        enhance(phantom((12, 12, 12)), Settings(model=card, interval=True))


def test_an_interval_of_other_weights_is_none():
    card = catalog.find("gradient-filters-iso2")
    assert card_with(card).intervals
    assert not card_with(card, weights="0" * 64).intervals


@pytest.mark.parametrize(
    "card", [c for c in catalog.list_models() if c.data.get("interval")], ids=lambda c: c.name
)
def test_the_cards_add_up(card):
    entry = card.intervals
    assert entry, "it was measured with other weights; make it again with mrisr calibrate-intervals"
    table = np.array(entry["table"])
    assert table.shape == SHAPE
    assert (np.diff(table, axis=0) >= 0).all()
    assert (np.diff(table, axis=1) >= 0).all()
    coverage = entry["coverage"]
    groups = [group for name, group in coverage.items() if name != "all"]
    assert sum(group["people"] for group in groups) == coverage["all"]["people"] == len(entry["scans"])
    mean = sum(group["people"] * group["share"] for group in groups) / coverage["all"]["people"]
    assert coverage["all"]["share"] == pytest.approx(mean, abs=1e-3)
    assert np.mean(list(entry["protocols"].values())) == pytest.approx(mean, abs=1e-3)
    assert 0.87 <= coverage["all"]["share"] <= 0.93
    for group in coverage.values():
        low, high = group.get("interval", (group["share"], group["share"]))
        assert low <= group["share"] <= high
        assert group["least"] <= group["share"]
    assert not [scan for scan in entry["scans"] if was_seen(card, scan)]
