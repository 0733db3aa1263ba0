"""What is proposed, case by case: the expected model and its reason were written by hand from the cards' tables."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.image.grid import Grid, Target
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.planning import plan
from mrisr.pipeline.proposal import PATIENCE_S, gain_on, noise_of, propose, propose_for
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor

SAME, TWICE, ISOTROPIC = Target.factor(1), Target.factor(2), Target.isotropic()


def grid(*spacing, shape=(160, 192, 160)):
    return Grid(shape, np.diag([*spacing, 1.0]))


ISO, FINE = grid(1, 1, 1), grid(0.7, 0.7, 0.7, shape=(64, 64, 64))
AXIAL4, CORONAL6 = grid(1, 1, 4, shape=(192, 192, 36)), grid(0.9, 5.4, 0.9, shape=(200, 30, 200))

CASES = [
    # scan, target, how it was made, noise, graphics card, expected, why
    (
        ISO,
        TWICE,
        None,
        0.0,
        False,
        "edsr3d-iso2",
        "0.45 dB on iso2-kspace, as scanners make such scans; the filters are below 0 there",
    ),
    (ISO, TWICE, None, 0.02, False, "edsr3d-iso2", "2.01 dB on iso2-noisy; the filters for noisy scans 1.20"),
    (ISO, TWICE, "iso2", 0.0, False, "edsr3d-iso2", "stated as it is assumed"),
    (ISO, TWICE, "iso2", 0.0, True, "edsr3d-iso2-large", "3.38 dB, and a graphics card is at hand"),
    (FINE, TWICE, None, 0.0, False, "edsr3d-iso2", "voxel size does not matter, the factor does"),
    (
        ISO,
        Target.factor(1.6),
        "iso2",
        0.0,
        False,
        "gradient-filters-iso2",
        "the network knows a factor of 2 alone, the filters 1.5 to 2.5",
    ),
    (
        ISO,
        Target.factor(1.6),
        None,
        0.0,
        False,
        "cubic",
        "the filters are below cubic on scans limited in k-space, as it is assumed",
    ),
    (ISO, Target.factor(3), None, 0.0, False, "cubic", "nothing was trained for 3 on all axes"),
    (ISO, Target.factor((2, 2, 1)), None, 0.0, False, "cubic", "nothing was trained for two axes"),
    (AXIAL4, ISOTROPIC, None, 0.0, False, "edsr3d-thick", "1.80 dB on thick4; the filters 0.91"),
    (
        AXIAL4,
        None,
        "slices:4",
        0.0,
        False,
        "edsr3d-thick",
        "what is stated as it would be assumed changes nothing",
    ),
    (
        AXIAL4,
        None,
        "slices:2.8",
        0.0,
        True,
        "edsr3d-thick-large",
        "thin slices with gaps are still nearest to thick4",
    ),
    (CORONAL6, ISOTROPIC, None, 0.0, False, "edsr3d-thick", "1.43 dB on thick6; the filters 0.72"),
    (
        CORONAL6,
        Target.spacing((0.9, 2.7, 0.9)),
        None,
        0.0,
        False,
        "edsr3d-thick",
        "half of the way is in its range of factors",
    ),
    (
        grid(1, 1, 8, shape=(160, 160, 20)),
        ISOTROPIC,
        None,
        0.0,
        False,
        "cubic",
        "a factor of 8 is beyond all training",
    ),
    (AXIAL4, Target.spacing((0.5, 0.5, 1)), None, 0.0, False, "cubic", "three axes by unlike factors"),
    (ISO, SAME, None, 0.0, False, "cubic", "on its own matrix nobody can know what is missing"),
    (
        ISO,
        SAME,
        "kspace:0.5",
        0.0,
        False,
        "edsr3d-kspace",
        "1.10 dB on kspace-2x2; mdcsrn-gan 1.04, mdcsrn 0.94, filters 0.33",
    ),
    (ISO, None, "kspace-5x5", 0.0, False, "edsr3d-kspace", "0.42 dB on kspace-5x5; mdcsrn 0.38"),
    (
        ISO,
        SAME,
        "kspace:0.25",
        0.0,
        True,
        "edsr3d-kspace",
        "a quarter is nearer to a fifth than to a half; 0.42 dB there",
    ),
    (ISO, SAME, "blur:3.53", 0.0, False, "edsr3d-blur", "7.48 dB on blur; the filters 5.71"),
    (ISO, SAME, "blur:1.5", 0.0, False, "cubic", "half of the blur that any model was trained for"),
    (ISO, SAME, "interpolated:2", 0.0, False, "gradient-filters-zoom2", "2.90 dB on zoom2, the only one"),
    (
        ISO,
        SAME,
        "spline:1.875",
        0.0,
        False,
        "edsr3d-iso2",
        "1.28 dB on spline-1p6-3; both diffusion models are below 0 there",
    ),
    (ISO, SAME, "spline:4", 0.0, False, "cubic", "twice as much as anything was trained for"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[-1])
def test_the_model_that_is_known_to_be_best_for_the_case_is_proposed(case):
    scan, target, said, noise, gpu, expected, _why = case
    proposal = propose(plan(scan, target, said), noise, gpu=gpu, seconds=lambda card: 10.0)
    assert proposal.model == expected, proposal.reason
    assert proposal.reason.startswith(
        catalog.find(expected).label if expected != "cubic" else "Plain interpolation: "
    )


def test_a_slow_model_gives_way_without_a_graphics_card_and_the_reason_says_so():
    planned = plan(ISO, TWICE, "iso2")
    slow = {"edsr3d-iso2": 3 * PATIENCE_S, "edsr3d-iso2-perceptual": 2 * PATIENCE_S}
    here = propose(planned, seconds=lambda card: slow.get(card.name, 20.0))
    assert here.model == "gradient-filters-iso2"
    assert "Finer voxels – best: 31 % less error (+3.3 dB), but about 6 min here" in here.reason
    assert (
        propose(planned, gpu=True, seconds=lambda card: slow.get(card.name, 20.0)).model
        == "edsr3d-iso2-large"
    )
    none = propose(planned, seconds=lambda card: slow.get(card.name, 5 * PATIENCE_S))
    assert none.model == "edsr3d-iso2-perceptual", "if all are slow, the least slow one"
    assert propose(planned, seconds=lambda _card: None).model == "edsr3d-iso2", (
        "unknown times speak against nobody"
    )


def test_what_suits_is_ranked_best_first_on_one_protocol_and_interpolation_stands_last():
    names = [candidate.card.name for candidate in propose(plan(ISO, TWICE, "iso2")).candidates]
    assert names == [
        "edsr3d-iso2",
        "edsr3d-iso2-perceptual",
        "gradient-filters-iso2",
        "ddpm-iso2",
        "ddpm-iso2-triplanar",
        "gradient-filters-iso2-noisy",
        "edsr3d-iso2-large",
        "back-projection",
        "cubic",
        "lanczos",
        "linear",
    ]
    gains = {
        candidate.card.name: (candidate.protocol, candidate.gain)
        for candidate in propose(plan(ISO, TWICE, "iso2")).candidates
    }
    assert gains["edsr3d-iso2"] == ("iso2", 3.26)
    assert gains["gradient-filters-iso2-noisy"] == ("iso2-noisy", 1.2)
    assert gains["cubic"] == ("", None)


def test_gains_are_rounded_as_people_write_them():
    assert gain_on(catalog.find("gradient-filters-iso2"), "iso2") == 2.22
    assert gain_on(catalog.find("gradient-filters-iso2"), "thick4") is None


def test_what_is_no_nearer_than_interpolation_on_scans_like_this_is_not_proposed_and_the_reason_says_so():
    proposal = propose(plan(ISO, Target.factor(1.6)))
    assert gain_on(catalog.find("gradient-filters-iso2"), "iso2-kspace", told=False) < 0
    assert "no model that was trained for this was nearer to the truth" in proposal.reason
    assert "iso2-kspace" in proposal.reason


def test_noise_is_estimated_from_the_middle_of_the_scan_and_air_is_no_error():
    rng = np.random.default_rng(0)
    clean = phantom((64, 64, 64), seed=1).array.astype(np.float32)
    noisy = np.hypot(
        clean + 0.03 * clean.max() * rng.standard_normal(clean.shape),
        0.03 * clean.max() * rng.standard_normal(clean.shape),
    )
    assert noise_of(Volume(noisy.astype(np.float32), np.eye(4))) == pytest.approx(0.03, rel=0.3)
    assert noise_of(Volume(np.zeros((20, 20, 20), np.float32), np.eye(4))) == 0


def test_auto_runs_the_proposal_tells_why_and_records_it():
    scan = phantom((24, 20, 8), affine=np.diag([1.0, 1, 4, 1]))
    said: list[str] = []
    result = enhance(
        scan, Settings(model="auto", target=Target.factor((2, 2, 1))), monitor=Monitor(log=said.append)
    )
    reason = propose_for(scan, plan(scan.grid, Target.factor((2, 2, 1)))).reason
    assert said[0] == result.provenance["model_reason"] == reason
    assert result.provenance["model"] == "cubic"


def test_a_model_for_graphics_cards_is_proposed_only_where_there_is_one():
    better = replace(catalog.find("edsr3d-thick"), name="better", gpu=True)
    for row in (better := replace(better, quality=deepcopy(better.quality))).quality:
        row["psnr_mask"][0] += 1
    cards = [*catalog.list_models(), better]
    planned = plan(AXIAL4, ISOTROPIC)
    assert propose(planned, cards=cards, gpu=True).model == "better"
    without = propose(planned, cards=cards, gpu=False)
    assert without.model == "edsr3d-thick"
    names = [candidate.card.name for candidate in without.candidates]
    assert names.index("edsr3d-thick") < names.index("better") < names.index("cubic")
