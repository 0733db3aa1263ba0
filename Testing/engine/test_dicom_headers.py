"""Slices whose headers are careless, foreign or wrong: whose they are, where, and with what scale."""

import numpy as np
import pydicom
import pytest

from engine.test_dicom_volumes import assert_same, whole
from engine.trust_dicom import write_series
from mrisr.errors import InputError
from mrisr.image.files import read_volume


def test_one_series_uid_of_two_patients_is_two_series(tmp_path):
    def change(file, k):
        if k >= 3:
            file.PatientID, file.PatientName = "999", "Roe^Richard"

    write_series(whole(), tmp_path, change)
    with pytest.raises(InputError, match=r"2 DICOM series of 2 patients.*path of one of its files"):
        read_volume(tmp_path)
    assert read_volume(tmp_path / "001.dcm").shape[2] == read_volume(tmp_path / "004.dcm").shape[2] == 3


def test_slices_in_two_coordinate_systems_are_refused_unless_each_has_its_own(tmp_path):
    write_series(
        whole(), tmp_path / "two", lambda file, k: setattr(file, "FrameOfReferenceUID", f"1.2.{k // 3}")
    )
    with pytest.raises(InputError, match="in 2 coordinate systems"):
        read_volume(tmp_path / "two")
    write_series(whole(), tmp_path / "each", lambda file, k: setattr(file, "FrameOfReferenceUID", f"1.2.{k}"))
    assert_same(read_volume(tmp_path / "each"), whole())


def _float_pixels(file, _k):
    file.FloatPixelData = np.frombuffer(file.PixelData, "<u2").astype("<f4").tobytes()
    file.BitsAllocated = 32
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(file, keyword)


def _scale(slope, intercept):
    def change(file, _k):
        file.RescaleSlope, file.RescaleIntercept = slope, intercept

    return change


CARELESS = {
    "empty scale": _scale("", ""),
    "scale of 0": _scale("0", "0"),
    "floating point": _float_pixels,
    "no preamble": lambda _file, _k: None,
}


@pytest.mark.parametrize("careless", CARELESS)
def test_what_other_programs_read_is_read(tmp_path, careless):
    write_series(whole(), tmp_path, CARELESS[careless])
    if careless == "no preamble":
        for path in tmp_path.iterdir():
            path.write_bytes(path.read_bytes()[132:])
    assert_same(read_volume(tmp_path), whole())


def test_a_scale_that_is_no_number_is_refused(tmp_path):
    write_series(whole(), tmp_path)
    file = pydicom.dcmread(tmp_path / "002.dcm")
    file.add_new("RescaleSlope", "LO", "abc")
    file.save_as(tmp_path / "002.dcm")
    with pytest.raises(InputError, match=r"002\.dcm has a RescaleSlope that is no number"):
        read_volume(tmp_path)
