"""What DICOM headers call padding is background, however they write it."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from engine.dicom_enhanced import Frame, write_enhanced
from engine.test_dicom_volumes import assert_same, whole
from engine.trust_dicom import write_series
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume

PADDINGS = {
    "above": (0, 6000, None, 6000),
    "among tissue": (0, 500, None, 500),
    "signed": (1, -2000, None, -2000),
    "without its sign": (1, 63536, None, -2000),
    "two ends": (0, 5900, 6000, 5950),
    "two ends, signed": (1, -1990, -2000, -1995),
}
"""Whether stored numbers have a sign, the two attributes, and what is stored."""


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("kind", ["frames", "files", "files, implicit"])
def test_what_a_header_calls_padding_is_background(tmp_path, kind, padding):
    signed, value, limit, held = PADDINGS[padding]
    slope, intercept = 0.25, 0.0
    volume = whole()
    stored = np.rint(volume.array / slope).astype("<i4")
    stored[:2], stored[6, 5, 3] = held, held if padding == "among tissue" else stored[6, 5, 3]
    pixels = stored.astype("<i2" if signed else "<u2")
    tags = {
        "PixelRepresentation": signed,
        "RescaleSlope": str(slope),
        "RescaleIntercept": str(intercept),
    }

    def say(file, k=None):
        for keyword, number in {"PixelPaddingValue": value, "PixelPaddingRangeLimit": limit}.items():
            if number is not None:
                file.add_new(keyword, "SS" if number < 0 else "US", number)
        wanted = pixels if k is None else pixels[:, :, k : k + 1]
        file.PixelData = np.ascontiguousarray(wanted.T).tobytes()

    if kind == "frames":
        path = write_enhanced(
            tmp_path / "e.dcm",
            [Frame(volume.array[:, :, k], k, slope) for k in range(6)],
            volume.affine,
            PixelRepresentation=signed,
        )
        file = pydicom.dcmread(path)
        say(file)
        file.save_as(path)
    else:

        def change(file, k):
            say(file, k)
            if "implicit" in kind:
                file.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

        write_series(volume, tmp_path, change, **tags)
    expected = stored * slope
    expected[:2] = 0
    read = read_volume(tmp_path)
    assert_same(read, Volume(expected, volume.affine))
    assert f"{held * slope:g}" in read.notes[0]
    assert "the header calls padding: 0 is taken" in read.notes[0]


def test_padding_that_is_background_already_changes_nothing(tmp_path):
    volume = whole()
    volume.array[:2] = 0
    write_series(volume, tmp_path, PixelPaddingValue=0)
    read = read_volume(tmp_path)
    assert_same(read, volume)
    assert read.notes == ()
    write_series(volume.with_array(np.full(volume.shape, 7)), tmp_path / "all", PixelPaddingValue=7)
    assert read_volume(tmp_path / "all").array.min() == 7
