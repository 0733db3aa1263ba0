"""Intervals learned from counted errors: the factor that people give, the coverage of those left out, and the command."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.trust_scans import head, reference
from mrisr.cli import main
from mrisr.commands.calibrate_intervals import was_seen
from mrisr.errors import InputError
from mrisr.evaluation import residuals
from mrisr.evaluation.conformal import CAP, bootstrapped, controlled
from mrisr.evaluation.interval_table import Person, entry_of
from mrisr.evaluation.residuals import COUNT, ENDS, Residuals, counted, protocols_for
from mrisr.image.files import read_volume, write_volume
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.physics.protocols import PROTOCOLS
from mrisr.trust.interval import SHAPE, Intervals

CELLS = SHAPE[0] * SHAPE[1]
RISING = tuple(
    tuple(0.01 * (1 + row) * (1 + column) for column in range(SHAPE[1])) for row in range(SHAPE[0])
)


def test_the_factor_is_that_of_the_formula():
    factors = np.linspace(1, 3, 201)
    losses = np.maximum(0, np.array([[0.5], [0.25], [0.2], [0.1]]) - 0.1 * (factors - 1))
    found = controlled(losses, factors, 0.2)
    bound = [(sum(min(row[n], CAP) for row in losses) + CAP) / 5 for n in range(len(factors))]
    first = next(n for n, value in enumerate(bound) if value <= 0.2)
    assert found == factors[first] > 1
    with pytest.raises(InputError, match=r"2 people are too few \(at least 3"):
        controlled(losses[:2], factors, 0.1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_one_more_person_is_promised_no_more_than_is_allowed(seed):
    """Of all ways to leave one of the people out, the mean loss is within what is allowed: that is what exchangeable means."""
    rng = np.random.default_rng(seed)
    factors = np.linspace(0.1, 8, 300)
    everyone = 1 - np.array(
        [np.searchsorted(np.sort(rng.exponential(s, 300)), factors) / 300 for s in rng.uniform(0.5, 1.5, 20)]
    )
    lost = []
    for left in range(20):
        found = controlled(np.delete(everyone, left, axis=0), factors, 0.1)
        lost.append(min(CAP, everyone[left, np.flatnonzero(factors == found)[0]]))
    assert np.mean(lost) <= 0.1 + 1e-9


def test_errors_are_counted_below_the_ends_of_their_steps():
    error = np.array([0.0, 1e-4, 1.5e-4, 0.1, 7.0], np.float32)
    counts = counted(np.array([0, 0, 3, 3, CELLS - 1]), error)
    assert counts.sum() == 5
    assert counts[0, 0] == 2
    for cell, value in ((3, 1.5e-4), (3, 0.1)):
        assert counts[cell, np.searchsorted(ENDS, value)] == 1
    assert counts[CELLS - 1, COUNT - 1] == 1


def made_up(people=12, voxels=20_000, seed=0, contrast=1.0):
    """Errors of a size that the bin tells and the noise adds to, a little different from one person to the next."""
    rng = np.random.default_rng(seed)
    for person in range(people):
        size = np.exp(rng.normal(0, 0.1)) * contrast
        for noise in (0.0, 0.02):
            where = rng.integers(0, CELLS, voxels)
            spread = np.hypot(size * 0.005 * (1 + where // SHAPE[1]) * (1 + where % SHAPE[1]), noise)
            error = np.abs(rng.normal(0, spread)).astype(np.float32)
            yield Residuals(f"p{person}", "iso2", noise, noise, counted(where, error))


def test_known_errors_give_their_quantiles_and_the_promised_coverage():
    found = entry_of(list(made_up()), {"T1w": [f"p{n}" for n in range(8)], "FLAIR": ["p8"], "T2w": []})
    expected = 1.645 * 0.005 * np.multiply.outer(1 + np.arange(SHAPE[0]), 1 + np.arange(SHAPE[1]))
    np.testing.assert_allclose(
        found["factor"] * np.array(found["table"]) / expected, found["factor"], rtol=0.15
    )
    assert found["noise"] == pytest.approx(1.645, abs=0.3)
    assert 0.88 < found["coverage"]["all"]["share"] < 0.94
    assert found["coverage"]["T1w"]["people"] == 8
    assert "interval" not in found["coverage"]["FLAIR"]
    assert "T2w" not in found["coverage"]
    assert set(found["protocols"]) == {"iso2, 0 % noise", "iso2, 2 % noise"}
    others = list(made_up(people=40, seed=5))
    intervals = Intervals.of(found)
    shares = [
        Person.of(n, [run for run in others if run.scan == n]).held(intervals, np.ones(1)).mean()
        for n in {run.scan for run in others}
    ]
    assert 0.89 < np.mean(shares) < 0.94
    low, high = bootstrapped(np.array(shares))
    assert low < np.mean(shares) < high


def test_coverage_of_the_counts_is_that_of_the_errors_themselves():
    rng = np.random.default_rng(3)
    where, error = rng.integers(0, CELLS, 5000), rng.exponential(0.05, 5000).astype(np.float32)
    person = Person.of("p", [Residuals("p", "iso2", 0.0, 0.01, counted(where, error))])
    intervals = Intervals(RISING, 1.0, 0.7)
    inside = (error <= intervals.widths(0.01)[where]).mean()
    assert inside - 0.01 < float(person.held(intervals, np.ones(1))[0, 0]) <= inside


def test_too_few_people_teach_nothing():
    with pytest.raises(InputError, match="4 scans are too few"):
        entry_of(list(made_up(people=4)))


def test_scans_that_a_model_was_trained_on_are_known_by_name_or_pattern():
    card = Card.of(
        {**catalog.find("cubic").data, "training": {"scans": ["a_t1", "9 to 13 of ds2748_*"]}},
        catalog.find("cubic").folder,
    )
    assert [was_seen(card, scan) for scan in ("a_t1", "b_t1", "ds2748_sub-64_t1")] == [True, False, True]


def test_models_are_measured_on_the_scans_that_they_are_for():
    def made(name):
        return {each.name for each in protocols_for(catalog.find(name))}

    assert made("edsr3d-iso2") == {"iso2", "iso2-rect", "iso2-kspace"}
    assert made("gradient-filters-thick") == {"thick4", "thick4-rect", "thick4-gap"}
    assert made("cubic") == made("edsr3d-iso2") | made("gradient-filters-thick")
    assert made("gradient-filters-kspace") == {"kspace-2x2"}


def test_the_command_measures_keeps_and_writes_the_card(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(residuals, "ISOTROPIC", ("iso2",))
    monkeypatch.setattr(residuals, "SLICES", ())
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / "cubic"
    folder.mkdir(parents=True)
    data = {key: value for key, value in catalog.find("cubic").data.items() if key != "interval"}
    (folder / "card.json").write_text(json.dumps(data))
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"p{number}.nii.gz")
        write_volume(head((40, 40, 40), seed=number), paths[-1])
    words = [
        "calibrate-intervals",
        "cubic",
        *map(str, paths),
        "--box",
        "36",
        "--keep",
        str(tmp_path / "kept"),
        "--card",
        "--json",
    ]
    assert main([*words, "--contrasts", "T1w=p0,p1,p2", "T2w=p3,p4"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["coverage"]["T2w"]["people"] == 2
    assert Card.read(folder).intervals == found
    monkeypatch.setattr(residuals, "enhance", None)  # what is kept is not measured again
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["table"] == found["table"]
    scan = PROTOCOLS["iso2"].simulate(reference("t1"))
    write_volume(scan, tmp_path / "scan.nii.gz")
    out, half = tmp_path / "out.nii.gz", tmp_path / "half.nii.gz"
    assert (
        main(
            [
                "enhance",
                str(tmp_path / "scan.nii.gz"),
                str(out),
                "--model",
                "cubic",
                "--factor",
                "2",
                "--interval",
                str(half),
            ]
        )
        == 0
    )
    assert "In 9 of 10 voxels" in capsys.readouterr().out
    record = json.loads(out.with_name("out.json").read_text())
    assert record["interval"]["people"] == 5
    assert read_volume(half).shape == read_volume(out).shape
    assert (read_volume(half).array > 0).all()
