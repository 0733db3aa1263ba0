import json
from dataclasses import replace

import numpy as np
import pytest

from engine.test_enhance import Network
from engine.trust_scans import degraded, place, reference, with_lesion
from mrisr.image.grid import Target
from mrisr.image.header import Header
from mrisr.image.metrics import HEAD
from mrisr.image.normalization import Normalization
from mrisr.models import catalog
from mrisr.physics.estimation import Estimate
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.basis import slices_text
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.planning import plan
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.verification import check_result
from mrisr.progress import Monitor
from mrisr.trust.wording import UNCHANGED
from mrisr.trust.yardstick import RATIO

ACQUISITIONS = ["iso2-noisy", "thick4", "kspace-2x2"]
CONTRASTS = ["t1", "t2"]


def restored(volume, scan, acquisition, model="cubic", consistency=10, steps=None):
    settings = Settings(
        model=model,
        target=volume.grid,
        acquisition=acquisition,
        consistency=consistency,
        residual=True,
        steps=steps,
    )
    return enhance(scan, settings)


@pytest.mark.parametrize("name", ACQUISITIONS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_faithful_results_are_green_and_invented_lesions_red(contrast, name):
    truth = reference(contrast)
    scan, acquisition = degraded(truth, name)
    result = restored(truth, scan, acquisition)
    assert check_result(truth, scan, acquisition).color == "green"
    faithful = check_result(result.volume, scan, acquisition)
    assert faithful.color == "green"
    assert faithful.worst < 1
    for amplitude in (0.3, -0.3):
        invented, where = with_lesion(result.volume, truth.array, amplitude)
        verdict = check_result(invented, scan, acquisition)
        assert verdict.color == "red"
        assert "invented" in verdict.sentence
        assert (
            np.linalg.norm(np.array(verdict.worst_ras) - place(truth, where)) < 5
        )  # mm: the place to look at is the lesion


@pytest.mark.parametrize("name", ACQUISITIONS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_an_invented_lesion_is_visible_in_the_residual_map(contrast, name):
    truth = reference(contrast)
    scan, acquisition = degraded(truth, name)
    faithful = restored(truth, scan, acquisition)
    invented, where = with_lesion(faithful.volume, truth.array, 0.3)
    operator = acquisition.operator(truth.grid, scan.grid)
    rest = operator.forward(invented.array) - scan.array
    near = np.rint(np.linalg.inv(scan.affine) @ np.array([*place(truth, where), 1]))[:3].astype(int)
    tolerance = check_result(invented, scan, acquisition).tolerance
    assert rest[tuple(near)] > 3 * tolerance  # of a map that is drawn from −4 to 4 tolerances
    assert abs(faithful.residual.array[tuple(near)]) < tolerance


@pytest.mark.parametrize("name", ACQUISITIONS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_lesion_that_is_left_out_or_moved_is_seen(contrast, name):
    plain = reference(contrast)
    truth, where = with_lesion(plain, plain.array, 0.3)
    scan, acquisition = degraded(truth, name)
    assert check_result(truth, scan, acquisition).color == "green"
    lesion = truth.array - plain.array
    for changed in (plain.array, plain.array + np.roll(lesion, 3, axis=1)):
        verdict = check_result(truth.with_array(changed), scan, acquisition)
        assert verdict.color == "red"
        assert np.linalg.norm(np.array(verdict.worst_ras) - place(truth, where)) < 8


@pytest.mark.parametrize("model", [card.name for card in catalog.list_models() if not card.gpu])
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_shipped_models_stay_green_on_what_they_were_made_for(contrast, model):
    """With the consistency their cards ask for; the interpolations, which leave a matrix alone where they ask for none, too.

    Those for graphics cards, which take a processor minutes, are run by `test_seams`.

    Diffusion, whose answer is drawn towards the scan at every step, takes a few of its steps, on a part of the head.
    """
    truth, card = reference(contrast), catalog.find(model)
    if card.family == "ddpm":
        start = [(n - 32) // 2 for n in truth.shape]
        truth = truth.cropped(tuple(start), tuple(n + 32 for n in start))
    for name in [n for n in ("iso2", *ACQUISITIONS) if not card.trained or n in card.protocols]:
        scan, acquisition = degraded(truth, name)
        trust = restored(truth, scan, acquisition, model, None, steps=3).provenance["trust"]
        assert trust["agreement"] == "green", (name, trust["sentence"])
        unchanged = trust["sentence"] == UNCHANGED
        assert trust["color"] == ("amber" if unchanged else "green"), (name, trust["sentence"])
        assert not unchanged or (card.sha256 is None and PROTOCOLS[name].same_matrix), name


def test_what_interpolation_leaves_is_no_reproach_but_is_not_called_agreement():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "iso2")
    plain, blurred = (
        check_result(restored(truth, scan, acquisition, kind, consistency=0).volume, scan, acquisition)
        for kind in ("cubic", "linear")
    )
    assert plain.ratio > RATIO
    assert plain.color == "green"
    assert "plain interpolation" in plain.sentence
    assert blurred.ratio > plain.ratio
    assert blurred.color != "green"


def test_a_result_of_another_place_or_brightness_is_not_green():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "iso2-noisy")
    moved = truth.with_array(np.roll(truth.array, 3, axis=1))
    assert check_result(moved, scan, acquisition).color == "red"
    dim = check_result(truth.with_array(truth.array * 0.8), scan, acquisition)
    assert dim.color != "green"
    assert check_result(truth.with_array(np.zeros_like(truth.array)), scan, acquisition).color == "red"


def test_the_colors_follow_the_thresholds_and_the_words_the_colors():
    truth = reference("t2")
    scan, acquisition = degraded(truth, "iso2-noisy")
    good = restored(truth, scan, acquisition).volume
    seen = {}
    for amplitude in np.linspace(0.02, 0.4, 20):
        verdict = check_result(with_lesion(good, truth.array, amplitude)[0], scan, acquisition)
        seen[verdict.color] = verdict
        amber, red = verdict.limits
        worst = 0 if verdict.worst <= amber else 1 if verdict.worst <= red else 2
        assert ("green", "amber", "red").index(verdict.color) >= worst
        assert verdict.sentence.startswith(
            {"green": "Agrees with", "amber": "Differs from", "red": "Contradicts"}[verdict.color]
        )
        assert verdict.limit >= RATIO
    assert set(seen) == {"green", "amber", "red"}


def test_the_verdict_does_not_depend_on_the_scans_units():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "thick4")
    invented, _ = with_lesion(truth, truth.array, 0.2)
    small = check_result(invented, scan, acquisition)
    large = check_result(
        invented.with_array(invented.array * 900), scan.with_array(scan.array * 900), acquisition
    )
    assert large.worst == pytest.approx(small.worst, rel=1e-3)
    assert large.noise == pytest.approx(900 * small.noise, rel=1e-3)


def test_every_run_carries_its_verdict_ready_for_json():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "iso2")
    told = Settings(target=Target.factor(2), acquisition=acquisition)
    trust = json.loads(json.dumps(enhance(scan, told).provenance))["trust"]
    assert list(trust) == [
        "color",
        "agreement",
        "sentence",
        "condition",
        "ratio",
        "worst",
        "worst_ras",
        "network",
        "result",
        "harm",
        "signs",
        "outside",
        "noise",
        "noise_percent",
        "tolerance",
        "limit",
        "limits",
        "beyond_percent",
        "smallest",
        "explanation",
    ]
    region = enhance(scan, replace(told, region=((2, 2, 2), (12, 14, 15))))
    assert region.provenance["trust"]["color"] == "green"


def test_nothing_is_green_that_agrees_only_with_an_assumption():
    truth = reference("t1")
    scan, _ = degraded(truth, "thick4")
    made = plan(scan.grid, truth.grid).acquisition
    told = enhance(scan, Settings(target=truth.grid, acquisition=made)).provenance
    nobody = Known(None, Estimate())
    assumed = enhance(scan, Settings(target=truth.grid, known=nobody)).provenance
    assert (told["acquisition_source"], told["trust"]["color"], told["trust"]["condition"]) == (
        "stated",
        "green",
        "",
    )
    assert told["acquisition"] == assumed["acquisition"]
    assert (assumed["acquisition_source"], assumed["trust"]["color"], assumed["trust"]["agreement"]) == (
        "assumed",
        "amber",
        "green",
    )
    apart = max(scan.spacing)
    assert assumed["trust"]["sentence"].endswith(
        f", if its {slices_text(0.8 * apart, apart).lower()} (assumed).".replace("slices", "slices are")
    )
    red = check_result(with_lesion(truth, truth.array, 0.4)[0], scan)
    assert red.color == "red"
    assert "Judged as if its slices are about" in red.sentence
    assert red.sentence.endswith(" mm apart (estimated).")


@pytest.mark.parametrize(
    ("known", "source", "color", "condition"),
    [
        (
            lambda _axis: Known(None, Estimate(width=(0.8,) * 3, error=(0.05,) * 3)),
            "estimated",
            "green",
            "if its slices are about {thick:.1f} mm thick, {apart:.1f} mm apart (estimated).",
        ),
        (
            lambda axis: Known(Header(4.0, 4.0, "2D", axis), Estimate()),
            "read",
            "green",
            "",
        ),
    ],
)
def test_what_the_scan_or_its_header_shows_may_be_green(known, source, color, condition):
    truth = reference("t1")
    scan, acquisition = degraded(truth, "thick4")
    settings = Settings(target=truth.grid, known=known(acquisition.profile.index("gaussian")))
    record = enhance(scan, settings).provenance
    assert (record["acquisition_source"], record["trust"]["color"], record["trust"]["agreement"]) == (
        source,
        color,
        "green",
    )
    apart = max(scan.spacing)
    said = condition.format(thick=0.8 * apart, apart=apart)
    assert record["trust"]["sentence"].partition("if ")[1:] == said.partition("if ")[1:]
    assert check_result(truth, scan, source="estimated").condition.endswith("(estimated)")
    assert check_result(truth, scan, source="read").condition == ""


def test_a_result_that_is_its_scan_is_never_called_green():
    scan = reference("t1")
    for settings in (
        Settings(target=Target.factor(1)),
        Settings(target=Target.factor(1), acquisition="kspace:1"),
    ):
        trust = enhance(scan, settings).provenance["trust"]
        assert (trust["color"], trust["sentence"]) == (
            "amber",
            "Nothing was changed: the result is your scan.",
        )


@pytest.mark.parametrize("name", ["kspace-5x5", "thick4", "iso2-noisy"])
def test_the_residual_that_is_saved_is_the_one_that_is_judged(name):
    """The verdict's two numbers, computed here from the map beside the result."""
    truth = reference("t1")
    scan, acquisition = degraded(truth, name)
    result = restored(truth, scan, acquisition, consistency=0)
    trust, rest = result.provenance["trust"], result.residual.array
    scale = Normalization.of(scan.array).scale
    head = scan.array / scale > HEAD
    assert trust["ratio"] == pytest.approx(np.sqrt(np.mean(rest[head] ** 2)) / trust["tolerance"], rel=1e-3)
    seen = check_result(result.volume, scan, acquisition)
    assert (trust["ratio"], trust["worst"]) == pytest.approx((seen.ratio, seen.worst), rel=1e-3)


def test_what_is_brighter_than_the_scan_is_told():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "iso2")
    quiet = truth.with_array(np.minimum(truth.array, 0.9 * scan.array.max()))
    assert check_result(quiet, scan, acquisition).beyond_percent == 0
    bright = truth.array.copy()
    bright[20:26, 20:26, 20:26] = 1.2 * scan.array.max()
    found = check_result(truth.with_array(bright), scan, acquisition).beyond_percent
    head = (Normalization.of(scan.array).apply(bright) > HEAD).sum()
    assert found == pytest.approx(100 * (bright > scan.array.max()).sum() / head, abs=2e-3)
    said = []
    settings = Settings(target=truth.grid, acquisition=acquisition, consistency=0)
    enhance(scan, settings, monitor=Monitor(log=said.append), model=Network(lambda window: window + 0.5))
    assert [line for line in said if "brighter than anything in the scan" in line]
