"""--series and --frames, the same for every command that reads a scan."""

import json

import numpy as np
import pytest

from engine.conftest import oblique_affine, phantom
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.image.files import read_volume, write_volume
from mrisr.jobs import batch, fusion
from mrisr.jobs.fusion import subject_of
from mrisr.models.discovery import families


def scan(seed):
    return phantom((20, 18, 16), seed, oblique_affine((1.0, 1.2, 2.0))).with_array(
        np.rint(phantom((20, 18, 16), seed).array)
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of two series, and one of a series of two echoes; and the second of each as a file."""
    folder = tmp_path_factory.mktemp("choice")
    for number in (0, 1):
        tags = {"SeriesNumber": str(4 + number), "PatientID": f"P{number}"}
        write_series(scan(number), folder / f"s{number}", **tags)
        echo = {
            "EchoTime": str(10 + 80 * number),
            "SeriesInstanceUID": "1.2.2",
            "FrameOfReferenceUID": "1.2.3",
        }
        write_series(scan(number), folder / f"e{number}", **echo)
    for both, kind in (("series", "s"), ("echoes", "e")):
        (folder / both).mkdir()
        for number in (0, 1):
            for path in (folder / f"{kind}{number}").iterdir():
                path.rename(folder / both / f"{number}{path.name}")
    write_volume(scan(1), folder / "second.nii")
    return folder


CHOSEN = {"series": ["--series", "5"], "echoes": ["--frames", "2"]}


def psnr_in(path):
    return {row["model"]: row["psnr"] for row in json.loads(path.read_text())}


@pytest.mark.parametrize(("both", "own"), [("series", []), ("echoes", ["--own", "--model", "cubic"])])
def test_scores_are_those_of_the_chosen_one(folders, tmp_path, both, own, capsys):
    common = ["evaluate", *own, "--device", "cpu", "--progress", "off", "--output"]
    assert main([*common, str(tmp_path / "file.json"), str(folders / "second.nii")]) == 0
    assert main([*common, str(tmp_path / "none.json"), str(folders / both)]) == 2
    assert CHOSEN[both][0] in capsys.readouterr().err
    assert main([*common, str(tmp_path / "dicom.json"), str(folders / both), *CHOSEN[both]]) == 0
    assert psnr_in(tmp_path / "dicom.json") == pytest.approx(psnr_in(tmp_path / "file.json"), abs=0.01)


def test_each_of_several_scans_has_a_choice_of_its_own(folders, tmp_path, capsys):
    scans = [str(folders / "series"), str(folders / "second.nii"), str(folders / "echoes")]
    common = ["evaluate", *scans, "--progress", "off", "--output", str(tmp_path / "rows.json")]
    assert main([*common, "--series", "5,,", "--frames", ",,2"]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    found = {row["scan"]: row["psnr"] for row in rows if row["model"] == "cubic"}
    assert sorted(found) == ["echoes", "second", "series"]
    assert max(found.values()) - min(found.values()) < 1e-3
    assert main([*common, "--overwrite", "--frames", "1,2"]) == 2
    assert "chooses for 2 scans, and 3 are to be read" in capsys.readouterr().err


def test_a_reference_and_a_scan_are_chosen_in_this_order(folders, tmp_path, capsys):
    both = [str(folders / "second.nii"), str(folders / "series"), "--scan", str(folders / "echoes")]
    common = ["compare", *both, "--progress", "off", "--output", str(tmp_path / "rows.json")]
    assert main([*common, "--series", "5,", "--frames", ",2"]) == 0
    assert min(psnr_in(tmp_path / "rows.json").values()) > 50  # all are one scan
    assert main([*common, "--overwrite", "--frames", ",2"]) == 2
    assert "2 DICOM series" in capsys.readouterr().err


def test_a_batch_chooses_alike_in_each_folder(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "read_apart", read_volume)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "echoes").symlink_to(folders / "echoes")
    arguments = [
        "enhance",
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        "--model",
        "cubic",
        "--progress",
        "off",
    ]
    assert main(arguments) == 2
    assert main([*arguments, "--frames", "2"]) == 0
    assert (tmp_path / "out" / "echoes.nii.gz").is_file()
    assert batch.Request((), ()).choice.frames is None


def test_scans_that_are_fused_are_chosen_one_by_one(folders, tmp_path, monkeypatch):
    seen = {}

    def fuse(scans, *_args, **_kwargs):
        seen.update({each.name: (each.volume.array, each.subject) for each in scans})
        raise fusion.FileError("enough")

    monkeypatch.setattr(fusion, "fuse", fuse)
    scans = [str(folders / "series"), str(folders / "echoes")]
    assert (
        main(
            ["fuse", *scans, str(tmp_path / "o.nii"), "--series", "5,", "--frames", ",2", "--progress", "off"]
        )
        == 2
    )
    for array, _subject in seen.values():
        np.testing.assert_array_equal(np.sort(array.ravel()), np.sort(scan(1).array.ravel()))
    assert seen["series"][1] == subject_of(folders / "series", fusion.Choice("4")).replace("0", "1") == "P1"


DRAWN = [
    name
    for family in families().values()
    for name, figure in family.figures.items()
    if "scan" in figure.needs
]


@pytest.mark.parametrize(
    "command",
    [
        *["check", "enhance", "evaluate", "compare", "fuse", "report", "dicom", "simulate", "card"],
        *["calibrate", "calibrate-acquisition", "calibrate-intervals"],
        *(f"figure {name}" for name in DRAWN),
    ],
)
def test_every_command_that_reads_a_scan_has_both_options(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    assert "--series N" in shown
    assert "--frames N" in shown
