"""Whether plain interpolation would have been nearer: signs, rule, and what teaches it."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from engine.trust_scans import degraded, reference
from mrisr.cli import main
from mrisr.errors import InputError
from mrisr.evaluation.alarms import Alarms
from mrisr.evaluation.calibration import middle
from mrisr.evaluation.episodes import Episode, episodes_of
from mrisr.evaluation.harm_rule import auc, judged
from mrisr.models import catalog
from mrisr.models.base import Model
from mrisr.physics.interpolation import interpolate
from mrisr.physics.observation import Observation
from mrisr.trust.harm import Signs, harmful, probability, signs
from mrisr.trust.yardstick import Yardstick

RULE = {"intercept": -1.0, "added": 2.0, "claimed": 0.5, "noise": 0.1, "steep": 3.0, "amber": 0.4, "red": 0.8}
LOGS = st.floats(-7, 3)


def held(name="iso2", on=None):
    truth = reference("t2")
    scan, acquisition = degraded(truth, name)
    measurement = Observation(scan, acquisition).of(truth.grid)
    return truth.array, Yardstick(
        scan, measurement if on is None else measurement.beside(on), truth.grid, 0.0
    )


def test_signs_against_their_definitions():
    truth, yardstick = held()
    plain = interpolate(yardstick.scan.array, yardstick.scan.grid, yardstick.target, "cubic")
    result, claim = plain + 0.7 * (truth - plain), plain + 1.4 * (truth - plain)
    found = signs(result, claim, yardstick)
    head, inside = plain > 0.05, yardstick.scan.array > 0.05
    lacking = np.sqrt(np.mean(yardstick.residual(plain)[inside] ** 2))
    assert found.added == pytest.approx(
        np.log(0.7 * np.sqrt(np.mean((truth - plain)[head] ** 2)) / lacking), abs=1e-4
    )
    claimed = np.sqrt(np.mean(yardstick.residual(claim)[inside] ** 2))
    assert found.claimed == pytest.approx(np.log(claimed / lacking), abs=1e-4)
    assert found.noise == pytest.approx(np.log(1e-3))
    assert 0 < found.steep < signs(claim, claim, yardstick).steep


def test_signs_are_the_same_on_tensors():
    truth, yardstick = held()
    _, device = held(on=torch.zeros(1))
    tensor = torch.from_numpy(truth)
    for name, value in asdict(signs(tensor, tensor, device)).items():
        assert value == pytest.approx(asdict(signs(truth, truth, yardstick))[name], abs=1e-4), name


@given(st.tuples(LOGS, LOGS, LOGS, LOGS), st.integers(0, 3), st.floats(0.01, 3))
def test_more_of_any_sign_never_makes_harm_less_likely(values, which, more):
    less = Signs(*values)
    raised = [v + more * (n == which) for n, v in enumerate(values)]
    assert probability(Signs(*raised), RULE) >= probability(less, RULE)
    assert 0 <= probability(less, RULE) <= 1
    assert harmful(probability(Signs(*raised), RULE), RULE) >= harmful(probability(less, RULE), RULE)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=4, max_size=40))
def test_the_area_under_the_curve_is_mann_and_whitneys(pairs):
    values, harmed = np.array([v for v, _ in pairs], float), np.array([h for _, h in pairs])
    if harmed.any() and not harmed.all():
        u = mannwhitneyu(values[harmed], values[~harmed]).statistic
        assert auc(values, harmed) == pytest.approx(u / (harmed.sum() * (~harmed).sum()))


def made_up(count=160, seed=0):
    """Runs on four scans whose gain falls with what they add, but for chance."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        added = float(rng.normal())
        trust = {
            "signs": {"added": added, "claimed": float(rng.normal()), "noise": -6.9, "steep": 0.1 * added},
            "network": {"color": "green", "worst": 0.5},
            "result": {"color": "green", "worst": 0.1},
            "outside": "",
        }
        gain = -2 * added + float(rng.normal(0, 0.5))
        yield Episode(f"scan{number % 4}", "any", "gaussian 1", "default", gain, trust)


def test_a_rule_is_learned_from_what_tells_harm_and_misses_no_more_than_it_may():
    runs = list(made_up())
    found = judged(runs)
    rule, clear = found["rule"], [run for run in runs if run.is_clear]
    assert found["auc"] > 0.95
    assert rule["added"] > 0
    assert all(rule.get(name, 0) >= 0 for name in ("added", "claimed", "noise", "steep"))
    assert found["harmed"] + found["helped"] == len(clear)
    assert found["green"]["harmed"] <= 0.08
    assert found["green"]["helped"] > 0.8
    others = list(made_up(seed=1))
    missed = [run.color(rule) == "green" for run in others if run.is_clear and run.harmed]
    assert np.mean(missed) < 0.12


def test_what_teaches_too_little_is_refused():
    with pytest.raises(InputError, match="fewest that teach"):
        judged(list(made_up(20)))
    with pytest.raises(InputError, match="two scans"):
        judged([run for run in made_up(400) if run.scan == "scan1"])


def test_networks_that_keep_the_matrix_learn_how_far_their_own_output_may_be_off():
    trust = {"signs": None, "result": {"color": "green", "worst": 0.2}, "outside": ""}
    runs = [
        Episode(
            "a", "any", "kspace-2x2", "told", gain, trust | {"network": {"color": "green", "worst": worst}}
        )
        for gain, worst in ((1.0, 2.0), (0.4, 1.0), (-1.0, 9.0))
    ]
    assert judged(runs)["claims"] == [2.2, 3.3]


class Listener(Model):
    """A model for thick slices that interpolates, and keeps what it was told."""

    def __init__(self):
        super().__init__(catalog.find("edsr3d-thick"))
        self.told = []

    def restore(self, initial, context):
        axis = context.acquisition.profile.index(next(p for p in context.acquisition.profile if p != "none"))
        self.told.append((context.acquisition.profile[axis], round(context.acquisition.width[axis], 3)))
        return initial


def test_runs_are_told_rightly_wrongly_or_not_at_all():
    model = Listener()
    runs = list(episodes_of("cord", middle(reference("t2"), 24), model))
    assert len({run.truth for run in runs}) == 10
    told = dict.fromkeys(run.manner for run in runs)
    for manner in told:
        told[manner] = [
            t for run, t in zip(runs, model.told, strict=True) if run.manner == manner and "0 %" in run.truth
        ]
    assert told["told"] == [
        ("gaussian", 1.0),
        ("rectangle", 1.0),
        ("rectangle", 0.7),
        ("gaussian", 0.5),
        ("gaussian", 0.75),
    ]
    assert told["half"] == [("gaussian", w) for w in (0.5, 0.345, 0.3, 0.3, 0.375)]
    assert told["wide"] == told["raw"] == [("gaussian", w) for w in (1.5, 1.035, 0.724, 0.75, 1.125)]
    assert told["one"] == [("gaussian", 1.0)] * 4
    assert told["kind"] == [("kspace", 1.0)] * 5
    assert all(run.trust["network"] and run.trust["signs"] for run in runs)
    # Interpolation without steps towards the scan is interpolation.
    assert all(abs(run.gain) < 0.1 for run in runs if run.manner == "raw")


def test_the_bound_of_a_rate_is_clopper_and_pearsons():
    none = Alarms(
        "a",
        "iso2-noisy",
        "truth",
        1000,
        0,
        0,
        tuple(np.random.default_rng(0).gumbel(1, 0.1, 1000)),
        (1.5, 2.5),
    )
    assert none.bound == pytest.approx(1 - 0.05 ** (1 / 1000), rel=1e-6)
    assert none.level(0.01) == pytest.approx(1 - 0.1 * np.log(-np.log(0.99)), abs=0.05)


def test_false_alarms_are_counted_by_a_command(tmp_path, capsys):
    from mrisr.image.files import write_volume

    volume = reference("t2")
    write_volume(volume, tmp_path / "cord.nii.gz")
    assert (
        main(
            ["calibrate-verdict", "truth", str(tmp_path / "cord.nii.gz"), "--draws", "3", "--progress", "off"]
        )
        == 0
    )
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    assert {(row[2].strip(), row[3].strip()) for row in rows} == {
        (name, who) for name in ("iso2-noisy", "thick4", "iso2") for who in ("truth", "cubic")
    }
    assert all(int(row[5]) == 0 for row in rows)


@pytest.mark.parametrize(
    "name", ["edsr3d-iso2", "edsr3d-thick", "gradient-filters-iso2", "gradient-filters-thick"]
)
def test_packaged_rules_tell_harm_on_scans_they_were_not_learned_from(name):
    learned = catalog.find(name).data["verdict"]
    assert learned["auc"] >= 0.85
    assert learned["green"]["harmed"] <= 0.05
    assert learned["harmed"] >= 20
    assert len(learned["scans"]) >= 8
    assert json.loads(json.dumps(learned)) == learned
