"""Edge and line-pair phantoms against answers that are known without them."""

import json
import math

import numpy as np
import pytest
from scipy.special import erf

from mrisr.cli import main
from mrisr.errors import InputError
from mrisr.evaluation.resolution import (
    MARGIN,
    PERIODS,
    SIDE,
    TILT,
    WAVE,
    edge_phantom,
    edge_width,
    line_pairs_phantom,
    modulation,
    resolution_of,
)
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.physics.operators import FWHM_PER_SIGMA, SeparableOperator, gaussian_rows
from mrisr.physics.protocols import PROTOCOLS

GRID = Grid((SIDE, SIDE, SIDE), np.eye(4))


def blurred(volume, fwhm, axis):
    rows = gaussian_rows(np.arange(SIDE, dtype=float), SIDE, fwhm)
    matrices = tuple(rows if a == axis else None for a in range(3))
    return Volume(SeparableOperator(matrices).forward(volume.array), volume.affine)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("fwhm", [1.5, 2.0, 4.0, 6.0])
def test_the_width_of_a_blurred_edge_is_the_blur(axis, fwhm):
    """The error function is the edge that a Gaussian leaves: no phantom, operator or matrix of the engine is in it."""
    across = (axis + 1) % 3
    i = np.indices(GRID.shape) - (SIDE - 1) / 2
    distance = (i[axis] + TILT * i[across]) / math.hypot(1, TILT)
    edge = 0.6 + 0.25 * erf(distance / (math.sqrt(2) * fwhm / 2.354820045))
    assert edge_width(Volume(edge.astype(np.float32), np.eye(4)), axis, across) == pytest.approx(
        fwhm, rel=0.02
    )


@pytest.mark.parametrize("fwhm", [2.0, 4.0])
def test_the_phantom_blurred_by_the_engine_has_that_width_and_its_voxels(fwhm):
    """Variances add: the blur's, and that of the voxels' own width."""
    width = edge_width(blurred(edge_phantom(GRID, 1, 2), fwhm, 1), 1, 2)
    assert width == pytest.approx(math.hypot(fwhm, FWHM_PER_SIGMA / math.sqrt(12)), rel=0.03)


def test_the_width_does_not_depend_on_the_grid_that_sees_the_edge():
    """A thick slice's samples lie four voxels apart and still show the profile that they were made with."""
    protocol = PROTOCOLS["thick4"]
    scan = protocol.simulate(edge_phantom(GRID, 1, 2))
    assert scan.shape == (SIDE, SIDE // 4, SIDE)
    assert edge_width(scan, 1, 2) == pytest.approx(math.hypot(4, FWHM_PER_SIGMA / math.sqrt(12)), rel=0.03)


def test_where_there_is_no_edge_there_is_no_width():
    with pytest.raises(InputError, match="no edge"):
        edge_width(Volume(np.ones(GRID.shape, np.float32), np.eye(4)), 0, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("fwhm", [1.5, 3.0])
def test_the_modulation_of_line_pairs_is_the_transfer_function(axis, fwhm):
    across = (axis + 1) % 3
    phantom = line_pairs_phantom(GRID, axis, across)
    assert modulation(phantom.array, axis, across) == pytest.approx(dict.fromkeys(PERIODS, 1.0), abs=1e-4)
    left = modulation(blurred(phantom, fwhm, axis).array, axis, across)
    sigma = fwhm / FWHM_PER_SIGMA

    def spectrum(frequency):
        """Of a Gaussian that is sampled once a voxel: higher frequencies fold back."""
        return sum(math.exp(-2 * (math.pi * sigma * (frequency + k)) ** 2) for k in range(-3, 4))

    expected = {period: spectrum(1 / period) / spectrum(0) for period in PERIODS}
    assert left == pytest.approx(expected, rel=0.02, abs=2e-3)


def test_waves_of_a_wrong_phase_count_by_their_amplitude():
    phantom = line_pairs_phantom(GRID, 0, 1)
    assert modulation(2 * WAVE[0] - phantom.array, 0, 1)[8] == pytest.approx(1, abs=1e-4)
    assert modulation(np.roll(phantom.array, 3, axis=0), 0, 1)[8] == pytest.approx(1, abs=0.02)
    assert MARGIN > 3


def test_cubic_interpolation_is_as_wide_as_it_is_known_to_be():
    found = resolution_of(catalog.load_model("cubic"), PROTOCOLS["thick4"])
    scan, cubic, result = found.fwhm
    assert cubic == pytest.approx(result, abs=0.03)
    assert scan == pytest.approx(4.1, rel=0.03)
    assert scan < cubic < 1.5 * scan
    assert all(a == pytest.approx(b, abs=0.01) for a, b in found.line_pairs.values())


def test_the_command_writes_the_resolution_and_shows_it(tmp_path, capsys):
    card = json.loads((catalog.find("cubic").folder / "card.json").read_text(encoding="utf-8"))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "card.json").write_text(
        json.dumps({**card, "name": "mine", "protocols": ["thick4"]}), encoding="utf-8"
    )
    assert main(["card", str(folder), "--resolution", "--progress", "off"]) == 0
    (entry,) = Card.read(folder).data["resolution"]
    assert entry["protocol"] == "thick4"
    assert 4 < entry["fwhm"][0] < 4.5
    capsys.readouterr()
    assert main(["models", "show", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "resolution:" in shown
    assert f"fwhm {', '.join(map(str, entry['fwhm']))}" in shown
