import numpy as np
import pytest

from mrisr.errors import InputError
from mrisr.image.grid import Grid, Target
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.planning import check_statement, plan

THICK = Grid((64, 64, 20), np.diag([1.0, 1.0, 4.0, 1.0]))
CUBE = Grid((64, 64, 64), np.diag([1.0, 1.0, 1.0, 1.0]))
SAME = Target.factor(1)
MATRIX_MODELS = [card for card in catalog.list_models() if card.restores_matrix]


def test_without_a_word_slices_are_taken_to_be_as_thick_as_they_are_apart_and_that_is_called_assumed():
    planned = plan(THICK)
    assert (planned.factor, planned.source) == ((1, 1, 4), "assumed")
    assert planned.acquisition == Acquisition.of_factor((1, 1, 4))
    assert planned.condition == "its slices are as thick as they are apart"


@pytest.mark.parametrize(
    ("grid", "target", "said", "condition"),
    [
        (THICK, None, "slices:2.8", "its slices are 0.7 times as thick as they are apart"),
        (CUBE, Target.factor(2), "iso2", "it is as sharp as its voxels are large"),
        (CUBE, SAME, "kspace-2x2", "only the central 50 % of its k-space was measured"),
        (CUBE, SAME, "blur:3.53", "it is blurred as by a Gaussian 3.5 voxels wide"),
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
