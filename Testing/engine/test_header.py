"""What headers tell of the acquisition, on DICOM files made by pydicom and sidecars as converters write them."""

import json

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from engine.conftest import phantom
from engine.trust_dicom import write_series
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Grid
from mrisr.image.header import BIDS, DICOM, Header, of_dicom, of_file, of_sidecar, read_header

GRID = Grid((64, 48, 8), np.diag([1.0, 1.0, 3.3, 1.0]))
SAGITTAL = Grid((64, 48, 40), np.array([[0, 0, 1.2, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))


@pytest.fixture
def series(tmp_path):
    """Writes a DICOM series of these attributes; gives its folder."""

    def write(**tags):
        volume = phantom((64, 48, 8), affine=GRID.affine)
        write_series(volume, tmp_path / "series", **tags)
        return tmp_path / "series"

    return write


def test_a_series_tells_its_slices_and_what_was_filled_with_zeros(series):
    folder = series(
        SliceThickness="3",
        SpacingBetweenSlices="3.3",
        MRAcquisitionType="2D",
        AcquisitionMatrix=[0, 64, 36, 0],
        InPlanePhaseEncodingDirection="COL",
    )
    grid = read_volume(folder).grid
    assert read_header(folder, grid) == Header(3.0, grid.spacing[2], "2D", 2, (1.0, 0.75, None), DICOM)
    assert read_header(folder, grid).width == pytest.approx(3 / 3.3)


@pytest.mark.parametrize(
    ("direction", "matrix", "resolved"),
    [
        ("COL", [0, 64, 24, 0], (1.0, 0.5, None)),
        ("ROW", [48, 0, 0, 32], (0.5, 1.0, None)),
        ("ROW", [0, 24, 64, 0], (1.0, 0.5, None)),  # the places contradict the direction, which is named
        (None, [48, 0, 0, 32], (0.5, 1.0, None)),
        (None, [0, 64, 24, 0], (1.0, 0.5, None)),
        ("COL", [0, 128, 96, 0], (1.0, 1.0, None)),  # more than was stored: oversampling
        ("COL", [0, 64, 3, 0], (1.0, None, None)),  # a mosaic of slices, or a mistake
        ("COL", [0, 0, 0, 0], (None, None, None)),
        ("COL", [64, 48], (None, None, None)),
        ("COL", "64\\x\\0\\0", (None, None, None)),
        ("COL", "0\\64\\24\\0", (1.0, 0.5, None)),  # as Slicer's database has it
    ],
)
def test_the_matrix_goes_with_the_direction_of_phase_encoding(direction, matrix, resolved):
    said = {
        "AcquisitionMatrix": matrix,
        "InPlanePhaseEncodingDirection": direction,
        "Columns": 64,
        "Rows": 48,
    }
    assert of_dicom(said.get, GRID).resolved == resolved


def test_a_square_image_of_a_narrow_field_is_not_called_zero_filled():
    grid = Grid((64, 64, 8), GRID.affine)
    said = {
        "AcquisitionMatrix": [0, 64, 48, 0],
        "InPlanePhaseEncodingDirection": "COL",
        "PercentPhaseFieldOfView": "75",
        "Rows": 64,
        "Columns": 64,
    }
    assert of_dicom(said.get, grid).resolved == (1.0, 1.0, None)
    assert of_dicom({**said, "PercentPhaseFieldOfView": "100"}.get, grid).resolved == (1.0, 0.75, None)


@pytest.mark.parametrize(
    ("thickness", "between", "expected"),
    [
        ("3.3", "3.3", (3.3, 3.3)),
        ("3", None, (3.0, 3.3)),
        ("3", "0.3", (3.0, 3.3)),  # some scanners write the gap
        ("5", "3.3", (5.0, 3.3)),  # overlapping slices
        ("0", "3.3", (None, 3.3)),
        ("-3", "3.3", (None, 3.3)),
        ("", "", (None, None)),
        ("three", "3.3", (None, 3.3)),
        ("nan", "inf", (None, None)),
        ("3", "-3.3", (3.0, 3.3)),
        ("300", "3.3", (None, 3.3)),
        ("3", "1", (None, None)),  # resampled after it was measured: nothing holds any more
        ("30", None, (None, None)),
        (["3", "3"], "3.3", (None, 3.3)),
        (True, "3.3", (None, 3.3)),
    ],
)
def test_odd_values_count_as_not_said(thickness, between, expected):
    said = {"SliceThickness": thickness, "SpacingBetweenSlices": between}
    found = of_dicom(said.get, GRID)
    assert (found.thickness, found.between) == (
        expected[0],
        None if expected[1] is None else pytest.approx(expected[1]),
    )


def test_slices_of_a_slab_that_are_thicker_than_apart_were_filled_with_zeros():
    said = {"SliceThickness": 2.0, "SpacingBetweenSlices": 1.0, "MRAcquisitionType": "3D"}
    assert of_dicom(said.get, Grid((8, 8, 8), np.eye(4))).resolved == (None, None, 0.5)
    said["MRAcquisitionType"] = "2D"
    assert of_dicom(said.get, Grid((8, 8, 8), np.eye(4))).resolved == (None, None, None)


def item(**values):
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def test_a_multi_frame_file_tells_the_same_from_its_groups(series, tmp_path):
    import pydicom

    path = next(series().iterdir())
    file = pydicom.dcmread(path)
    del file.SliceThickness
    file.MRAcquisitionType = "2D"
    geometry = item(
        MRAcquisitionFrequencyEncodingSteps=64,
        MRAcquisitionPhaseEncodingStepsInPlane=24,
        InPlanePhaseEncodingDirection="COLUMN",
    )
    measures = item(SliceThickness="3", SpacingBetweenSlices="3.3", PixelSpacing=["1", "1"])
    file.SharedFunctionalGroupsSequence = Sequence([item(MRFOVGeometrySequence=Sequence([geometry]))])
    file.PerFrameFunctionalGroupsSequence = Sequence([item(PixelMeasuresSequence=Sequence([measures]))] * 2)
    file.save_as(tmp_path / "frames.dcm")
    found = of_file(tmp_path / "frames.dcm", GRID)
    assert (found.thickness, found.dimensions, found.resolved) == (3.0, "2D", (1.0, 0.5, None))


SIEMENS = {
    "MRAcquisitionType": "2D",
    "SliceThickness": 3,
    "SpacingBetweenSlices": 3.3,
    "BaseResolution": 64,
    "AcquisitionMatrixPE": 36,
    "ReconMatrixPE": 48,
    "InPlanePhaseEncodingDirectionDICOM": "COL",
}


def test_a_sidecar_beside_a_file_is_read(tmp_path):
    write_volume(phantom((64, 48, 8), affine=GRID.affine), tmp_path / "sub-1_T2w.nii.gz")
    path, sidecar = tmp_path / "sub-1_T2w.nii.gz", tmp_path / "sub-1_T2w.json"
    assert read_header(path, GRID) is None
    sidecar.write_text(json.dumps(SIEMENS))
    assert read_header(path, GRID) == Header(3.0, pytest.approx(3.3), "2D", 2, (1.0, 0.75, None), BIDS)
    for text in ("", "{", "[1]", "null", json.dumps(dict.fromkeys(SIEMENS, "n/a")), '{"statement": "ours"}'):
        sidecar.write_text(text)
        assert read_header(path, GRID) is None, text
    assert read_header(tmp_path / "nowhere.nii.gz", GRID) is None


def test_the_axes_of_a_sidecar_are_those_of_the_file():
    three = {**SIEMENS, "MRAcquisitionType": "3D", "SliceThickness": 1.2, "SpacingBetweenSlices": 1.2}
    assert of_sidecar(three, SAGITTAL).resolved == (None, None, 1.0), "a converter may have turned it"
    named = {**three, "PhaseEncodingDirection": "i-"}
    assert of_sidecar(named, SAGITTAL).resolved == (0.75, 1.0, 1.0)
    turned = Grid((8, 64, 48), np.diag([3.3, 1.0, 1.0, 1.0]))
    assert of_sidecar(SIEMENS, turned).axis == 0, "its slices lie where their distance is"
    assert of_sidecar({**SIEMENS, "SliceEncodingDirection": "j"}, GRID).axis == 2
    assert not of_sidecar(SIEMENS, Grid((64, 48, 32), np.eye(4))).says, "resampled"
