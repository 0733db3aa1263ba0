import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrisr.errors import InputError
from mrisr.image.grid import Grid, Target
from mrisr.image.header import Header
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.estimation import Estimate
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline import knowledge
from mrisr.pipeline.knowledge import Known, known_of
from mrisr.pipeline.planning import check_statement, plan
from mrisr.pipeline.proposal import propose
from mrisr.pipeline.settings import Settings, informed

THICK = Grid((64, 64, 20), np.diag([1.0, 1.0, 4.0, 1.0]))
CUBE = Grid((64, 64, 64), np.diag([1.0, 1.0, 1.0, 1.0]))
SAME = Target.factor(1)
MATRIX_MODELS = [card for card in catalog.list_models() if card.restores_matrix]


def test_without_a_word_what_scanners_usually_do_is_taken_and_that_is_called_assumed():
    planned = plan(THICK)
    assert (planned.factor, planned.source) == ((1, 1, 4), "assumed")
    assert planned.acquisition == Acquisition(("none", "none", "gaussian"), (1, 1, 0.8))
    assert planned.doubt == "its slices are 3.2 mm thick, 4.0 mm apart (assumed)"
    assert planned.basis == "Slices taken to be 3.2 mm thick, 4.0 mm apart (assumed)."
    fine = plan(CUBE)
    assert fine.acquisition == Acquisition.of_factor((2, 2, 2), width=0.55), "limited in k-space"
    assert fine.doubt == "it is as sharp as its voxels are large (assumed)"
    all_axes = plan(THICK, Target.factor((2, 2, 4)))
    assert all_axes.acquisition.width == (0.55, 0.55, 0.8)


@pytest.mark.parametrize(
    ("spacing", "width"), [((0.5, 2.0, 7.5), 0.8), ((2.0, 2.0, 1.0), 0.55), ((1.0, 1.4, 4.0), 0.55)]
)
def test_an_axis_coarser_than_another_lies_across_slices_unless_it_is_one_of_two_of_square_pixels(
    spacing, width
):
    grid = Grid((64, 32, 12), np.diag([*spacing, 1.0]))
    assert plan(grid, Target.factor((1, 2, 1))).acquisition.width[1] == width


def estimate(*width, error=0.06):
    return Known(None, Estimate(width=width, error=tuple(None if w is None else error for w in width)))


READ = Known(Header(3.0, 4.0, "2D", 2), Estimate(width=(None, None, 0.7), error=(None, None, 0.06)))


def test_what_is_stated_goes_before_a_header_a_header_before_an_estimate_an_estimate_before_what_is_usual():
    stated = plan(THICK, None, "slices:3.6", None, READ)
    assert (stated.source, stated.acquisition.width) == ("stated", (1, 1, 0.9))
    assert (stated.basis, stated.doubt) == ("Slices 3.6 mm thick, 4.0 mm apart (stated).", "")
    read = plan(THICK, known=READ)
    assert (read.source, read.doubt, read.contradiction) == ("read", "", "")
    assert read.basis == "Slices 3.0 mm thick, 4.0 mm apart (read from the DICOM header)."
    assert read.acquisition.width == (1, 1, pytest.approx(0.75 * 0.8))
    shown = plan(THICK, known=estimate(None, None, 1.0))
    assert shown.source == "estimated"
    assert 0.8 < shown.acquisition.width[2] < 1.0, "weighed against what is usual"
    assert shown.doubt == "its slices are about 3.8 mm thick, 4.0 mm apart (estimated)"
    assert shown.basis == "Slices about 3.8 mm thick, 4.0 mm apart (estimated from the scan, ± 0.4 mm)."
    sharp, soft = (plan(CUBE, known=estimate(w, w, w)) for w in (0.55, 1.2))
    assert sharp.basis == "As sharp as its voxels are large (estimated from the scan, ± 0.1 mm)."
    assert sharp.doubt == "it is as sharp as its voxels are large (estimated)"
    assert soft.basis == "Blurred over about 1.1 mm (estimated from the scan, ± 0.1 mm)."
    assert soft.doubt == "it is blurred over about 1.1 mm (estimated)"
    assert plan(THICK, known=estimate(None, None, None)).source == "assumed"
    assert plan(THICK, known=estimate(0.9, 0.9, None)).source == "assumed", "of the axis that is refined"


def test_a_header_that_says_only_that_it_is_a_slab_is_enough_for_that():
    slab = plan(THICK, known=Known(Header(dimensions="3D")))
    assert (slab.source, slab.acquisition.width) == ("read", (1, 1, 0.55))
    flat = plan(THICK, known=Known(Header(dimensions="2D")))
    assert (flat.source, flat.acquisition.width) == ("assumed", (1, 1, 0.8))
    filled = plan(CUBE, known=Known(Header(dimensions="3D", resolved=(0.5, 1.0, None))))
    assert filled.acquisition.width == (pytest.approx(1.1), 0.55, 0.55)


@pytest.mark.parametrize(
    ("shown", "error", "contradicted"),
    [(0.7, 0.06, False), (1.0, 0.06, False), (1.6, 0.06, True), (1.3, 0.3, False), (0.2, 0.06, True)],
)
def test_a_header_that_the_voxels_contradict_is_believed_and_that_is_said(shown, error, contradicted):
    known = Known(Header(4.0, 4.0, "2D", 2), estimate(None, None, shown, error=error).estimate)
    planned = plan(THICK, known=known)
    assert (planned.source, planned.acquisition.width[2]) == ("read", pytest.approx(0.8))
    assert bool(planned.contradiction) == contradicted
    if contradicted:
        assert "Slices 4.0 mm thick, 4.0 mm apart".lower() in planned.contradiction.lower()
        assert f"about {4 * shown:.1f} mm thick" in planned.contradiction


def test_a_header_that_tells_of_zeros_says_what_a_model_for_the_scans_own_matrix_restores():
    known = Known(Header(dimensions="3D", resolved=(0.5, 0.5, 1.0)))
    for card in (None, catalog.find("edsr3d-kspace")):
        planned = plan(CUBE, SAME, None, card, known)
        assert (planned.source, planned.acquisition) == ("read", Acquisition(kspace=(0.5, 0.5, 1.0)))
    blurred = plan(CUBE, SAME, None, catalog.find("edsr3d-blur"), known)
    assert (blurred.source, blurred.acquisition.kspace) == ("assumed", (1, 1, 1)), (
        "what it cannot restore is not told"
    )
    assert propose(plan(CUBE, SAME, known=known)).model == "edsr3d-kspace"
    whole = Known(Header(dimensions="3D", resolved=(0.97, 1.0, 1.0)))
    assert plan(CUBE, SAME, None, None, whole).source == "assumed"


@given(
    shown=st.floats(0.2, 3),
    error=st.floats(0.01, 1),
    spacing=st.floats(0.5, 10),
    thickness=st.floats(0.2, 2.2),
)
def test_whatever_is_known_the_acquisition_can_be_used(shown, error, spacing, thickness):
    scan = Grid((32, 32, 16), np.diag([1.0, 1.0, spacing, 1.0]))
    target = Target.factor((1, 1, 2))
    header = Header(thickness * spacing, spacing, "2D", 2)
    for known in (
        estimate(None, None, shown, error=error),
        Known(header, estimate(None, None, shown).estimate),
    ):
        planned = plan(scan, target, known=known)
        assert 0.3 <= planned.acquisition.width[2] <= 2.5
        assert planned.acquisition.profile == ("none", "none", "gaussian")
        assert planned.basis.endswith(").")
    weighed = plan(scan, target, known=estimate(None, None, shown, error=error)).acquisition.width[2]
    usual = plan(scan, target).acquisition.width[2]
    assert min(shown, usual, 2.5) - 1e-9 <= weighed <= max(shown, usual) + 1e-9


def test_a_scans_middle_is_looked_at_once_and_by_what_is_stated_too(monkeypatch):
    seen = []
    monkeypatch.setattr(knowledge, "estimate", lambda volume: seen.append(volume.shape) or Estimate())
    scan = Volume(np.ones((200, 20, 30), np.float32), np.eye(4))
    first = informed(Settings(known=READ), scan)
    assert (first.known, seen) == (READ, []), "what is known is not looked at again"
    assert informed(Settings(acquisition="iso2"), scan).known == Known(None, Estimate()), (
        "judged by what it shows"
    )
    assert informed(Settings(known=Known(READ.header)), scan).known == Known(READ.header, Estimate())
    assert seen == [(knowledge.LOOKED, 20, 30)] * 2


def test_air_is_no_error():
    assert known_of(Volume(np.zeros((20, 20, 20), np.float32), np.eye(4))).estimate.width == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("grid", "target", "said", "condition"),
    [
        (THICK, None, "slices:2.8", "its slices are 2.8 mm thick, 4.0 mm apart"),
        (CUBE, Target.factor(2), "iso2", "it is as sharp as its voxels are large"),
        (CUBE, SAME, "kspace-2x2", "only the central 50 % of its k-space was measured"),
        (CUBE, SAME, "blur:3.53", "it is blurred over 3.5 mm"),
        (CUBE, SAME, "spline:1.875", "it was interpolated from voxels 1.875 times as large"),
        (CUBE, SAME, None, "it lost nothing but what its voxels show"),
    ],
)
def test_the_condition_says_what_the_acquisition_means(grid, target, said, condition):
    assert plan(grid, target, said).condition == condition


@pytest.mark.parametrize("card", MATRIX_MODELS, ids=lambda card: card.name)
def test_a_model_for_the_scans_own_matrix_assumes_what_its_card_says_and_was_trained_for_it(card):
    planned = plan(CUBE, SAME, None, card)
    assert planned.source == "assumed"
    assert planned.acquisition == PROTOCOLS[card.acquisition].acquisition(
        PROTOCOLS[card.acquisition].affected("RAS")
    )
    made = planned.acquisition
    assert card.misfit(planned.factor, made.kspace, made.profile, made.width) is None
    stated = plan(CUBE, SAME, "kspace:0.45", card)
    assert (stated.source, stated.acquisition.kspace) == ("stated", (0.45, 0.45, 1))


def test_a_model_that_has_to_be_told_and_has_no_default_is_refused():
    blur = catalog.find("edsr3d-blur")
    untold = Card.of({key: value for key, value in blur.data.items() if key != "acquisition"}, blur.folder)
    with pytest.raises(InputError, match="must be told how the scan was made"):
        plan(CUBE, SAME, None, untold)
    assert plan(CUBE, SAME, "blur:3.5", untold).source == "stated"


@pytest.mark.parametrize("name", ["edsr3d-kspace", "edsr3d-blur", "gradient-filters-zoom2"])
def test_what_only_restores_a_matrix_keeps_it_by_default(name):
    assert plan(CUBE, None, None, catalog.find(name)).keeps_matrix
    assert plan(THICK, None, None, catalog.find(name)).keeps_matrix
    assert plan(CUBE, None, None, catalog.find("edsr3d-iso2")).factor == (2, 2, 2)  # this one does both
    for said in ("kspace:0.5", "blur:3", "interpolated:2", "spline:2", "kspace-5x5"):
        assert plan(THICK, None, said).keeps_matrix, said
    assert plan(THICK, None, "slices:3").factor == (1, 1, 4)


def test_isotropic_voxels_that_are_there_already_are_refused_with_both_ways_out():
    for grid in (CUBE, Grid((8, 8, 8), np.diag([1.0, 1.0, 1.00005, 1.0]))):
        with pytest.raises(InputError, match=r"isotropic already: ask for a factor of 2 .* or of 1"):
            plan(grid, Target.isotropic())
    assert plan(Grid((8, 8, 8), np.diag([1.0, 1.0, 1.04, 1.0])), Target.isotropic()).factor == pytest.approx(
        (1, 1, 1.04)
    )


def test_words_that_are_neither_a_protocol_nor_a_statement_are_explained():
    with pytest.raises(InputError, match="There is no protocol 'iso3'; choose one of iso2"):
        check_statement("iso3")
    assert check_statement("thick4") == "thick4"
    assert check_statement("slices:3") == "slices:3"


@pytest.mark.parametrize(
    ("profile", "stated", "told"),
    [
        ("rectangle", 1.0, 0.8),  # as sharp as a Gaussian of 0.69, of which networks make less
        ("rectangle", 1.5, 1.035),
        ("gaussian", 0.5, 0.8),
        ("gaussian", 1.2, 1.2),
    ],
)
def test_networks_are_told_the_gaussian_they_make_most_of_and_consistency_uses_what_is_stated(
    profile, stated, told
):
    acquisition = Acquisition(("none", "none", profile), (1, 1, stated))
    made = plan(Grid((40, 40, 12), np.diag([1, 1, 4, 1])), acquisition=acquisition)
    assert made.acquisition == acquisition
    assert made.told.profile == ("none", "none", "gaussian")
    assert made.told.width[2] == pytest.approx(told)


def test_of_an_estimated_blur_networks_are_told_a_little_more():
    known = Known(estimate=Estimate(("gaussian",) * 3, (0.7,) * 3, (0.13,) * 3))
    made = plan(Grid((40, 40, 40), np.eye(4)), known=known)
    assert made.acquisition.width == pytest.approx((0.7,) * 3)
    assert made.told.width == pytest.approx((0.83,) * 3)


def test_where_nothing_is_known_the_plausible_ends_are_named():
    grid = Grid((40, 40, 12), np.diag([1, 1, 4, 1]))
    sharp, soft = plan(grid).plausible
    assert sharp.width[2] < plan(grid).acquisition.width[2] < soft.width[2]
    assert plan(grid, acquisition="slices:4").plausible == ()
    known = Known(estimate=Estimate(("gaussian",) * 3, (0.7,) * 3, (0.1,) * 3))
    assert plan(grid, known=known).plausible == ()
