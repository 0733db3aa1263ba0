"""Files of voxels beside NRRD and MetaImage headers: listed, numbered, missing, or meant to break their reader."""

import numpy as np
import pytest

from engine.test_text_places import VOXELS, write
from mrisr.errors import FileError
from mrisr.image.files import read_volume


def beside(folder, kind, data, listed="", slices=(), start=0):
    """A header with its voxels elsewhere, and files of a slice each."""
    if kind == "nhdr":
        path = write(folder, "nrrd", data_file=data)
        header = path.read_bytes().split(b"\n\n")[0]
    else:
        path = write(folder, "mha")
        header = path.read_bytes().split(b"ElementDataFile")[0] + b"ElementDataFile = " + data.encode()
    path.unlink()
    end = b"\n" if kind == "mhd" or listed else b"\n\n"
    (folder / f"b.{kind}").write_bytes(header + end + listed.encode())
    for number in slices:
        (folder / f"s{number}.raw").write_bytes(VOXELS[:, :, number - start].tobytes(order="F"))
    return folder / f"b.{kind}"


NAMES = "".join(f"s{number}.raw\n" for number in range(8))


@pytest.mark.parametrize("kind", ["nhdr", "mhd"])
@pytest.mark.parametrize(
    ("data", "listed", "start"),
    [("s%d.raw 1 8 1", "", 1), ("s%d.raw 3 10 1", "", 3), ("LIST", NAMES, 0), ("LIST 2", NAMES, 0)],
)
def test_voxels_in_several_files_are_read(tmp_path, kind, data, listed, start):
    path = beside(tmp_path, kind, data, listed, range(start, start + 8), start)
    np.testing.assert_array_equal(read_volume(path).array, VOXELS)
    (tmp_path / f"s{start + 3}.raw").unlink()
    with pytest.raises(FileError, match=rf"voxels in s{start + 3}\.raw, which is missing"):
        read_volume(path)
    (tmp_path / f"s{start + 3}.raw").write_bytes(b"short")
    with pytest.raises(FileError, match=r"announces 1\.92 kB of voxels and the file holds"):
        read_volume(path)


@pytest.mark.parametrize("kind", ["nhdr", "mhd"])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("LIST", "names no file"),
        ("a%s%n.raw 1 8 1", "numbers no files"),
        ("a%99999d.raw 1 8 1", "numbers no files"),
        ("a%d%d.raw 1 8 1", "numbers no files"),
        ("a%d.raw 1 8 0", "names no file"),
        ("a%d.raw 8 1 1", "names no file"),
        ("a%d.raw 1 999999999 1", "names 999999999 files"),
        ("/dev/zero", "which is missing"),
        ("", "names no file"),
    ],
)
def test_what_would_break_the_reader_or_give_it_voxels_of_nowhere_is_refused(tmp_path, kind, data, words):
    with pytest.raises(FileError, match=words):
        read_volume(beside(tmp_path, kind, data))
