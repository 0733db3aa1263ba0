import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.conftest import DATA, phantom
from engine.test_worker import do
from engine.trust_scans import head, oversampled, reference
from mrisr.cli import main
from mrisr.evaluation.contrast import gather
from mrisr.evaluation.guard_rails import check_scan, modality_of
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.image.header import Header
from mrisr.jobs import enhancement
from mrisr.models import catalog
from mrisr.models.trained import Trained
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.estimation import Estimate
from mrisr.pipeline import knowledge
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor


def codes(*arguments, **settings):
    return [warning.code for warning in check_scan(*arguments, **settings)]


@pytest.fixture
def good():
    return head()


def test_a_good_scan_is_let_pass_in_silence(good):
    assert check_scan(good, catalog.find("cubic"), modality="MR") == []
    assert check_scan(good) == []


def test_other_modalities_are_named(good):
    (warning,) = check_scan(good, modality="CT")
    assert warning.code == "modality"
    assert "CT" in warning.sentence


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_zero_filled_axis_is_named_with_its_true_size(good, axis):
    (warning,) = check_scan(oversampled(good, axis))
    assert warning.code == "interpolated"
    assert ("left–right", "front–back", "head–foot")[axis] in warning.sentence
    true = float(re.search(r"about ([\d.]+) mm", warning.sentence)[1])
    assert true == pytest.approx(1, abs=0.1)
    assert "voxels are 0.5 mm" in warning.sentence


def test_a_truncation_that_is_known_is_no_surprise(good):
    filled = oversampled(oversampled(good, 0), 1)
    assert codes(filled) == ["interpolated", "interpolated"]
    assert codes(filled, acquisition="kspace-2x2", target=Target.factor(1)) == []


def test_clipped_values_are_noticed_and_a_few_bright_voxels_are_not(good):
    limit = float(np.percentile(good.array, 99.5))
    assert codes(good.with_array(np.minimum(good.array, limit))) == ["clipped"]
    bright = good.array.copy()
    bright[30:32, 30, 30] = bright.max() + 5
    assert codes(good.with_array(bright)) == []


def test_a_factor_outside_the_training_is_noticed(good):
    card = replace(catalog.find("cubic"), trained=(Trained((3,), (2.0, 2.0)),))
    assert codes(good, card, target=Target.factor(2)) == []
    assert codes(good, card, target=Target.factor((1, 1, 4))) == ["factor"]


def test_a_contrast_unlike_the_training_is_noticed(good):
    card = catalog.find("cubic")
    card = replace(
        card,
        data={**card.data, "training": {"histograms": {"T1w": gather([good.array])}}},
        contrasts=("T1w",),
    )
    assert codes(good, card) == []
    assert codes(good.with_array(good.array * 3), card) == []  # units do not matter
    dark = good.array.max() * (good.array / good.array.max()) ** 3
    (warning,) = (each for each in check_scan(good.with_array(dark), card) if each.code != "noise")
    assert warning.code == "contrast"
    assert "T1w" in warning.sentence


def test_a_scan_of_a_few_slices_is_noticed():
    assert "tiny" in codes(phantom((40, 40, 6)))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared scans")
def test_real_scans_that_are_known_to_be_interpolated_are_noticed():
    rows = {row["id"]: row for row in csv.DictReader((DATA / "index.csv").open())}
    for name, axes in {
        "ds2748_sub-70_t1": 1,
        "ljl_20_2_flair": 1,
        "ljl_20_2_t1w": 0,
        "M2307_t2": 0,
        "sct_test_t1": 0,
    }.items():
        scan = read_volume(DATA / rows[name]["split"] / f"{name}.nii.gz")
        assert codes(scan).count("interpolated") >= axes, name
        if axes == 0:
            assert "interpolated" not in codes(scan), name


def test_the_modality_of_a_folder_is_read(tmp_path):
    from engine.trust_dicom import write_series

    write_series(phantom((12, 14, 5)), tmp_path / "series", Modality="CT")
    assert modality_of(tmp_path / "series") == "CT"
    assert modality_of(tmp_path) is None
    assert modality_of(Path("scan.nii.gz")) is None


def test_the_command_and_the_worker_say_the_same(tmp_path, capsys, good):
    path = tmp_path / "scan.nrrd"
    write_volume(oversampled(good, 2), path)
    assert main(["check", str(path), "--model", "cubic"]) == 0
    printed = capsys.readouterr().out.strip()
    code, events = do(tmp_path, task="check", input=str(path), model="cubic", modality="PT")
    assert code == 0
    warnings = {w["code"]: w["sentence"] for w in events[-1]["warnings"]}
    assert set(warnings) == {"modality", "interpolated"}
    basis = events[-1]["acquisition"]
    assert printed == f"acquisition: {basis}\ninterpolated: {warnings['interpolated']}"
    write_volume(good, path)
    assert main(["check", str(path)]) == 0
    assert "Nothing speaks against it" in capsys.readouterr().out


def test_what_the_header_says_is_told_first_and_what_speaks_against_it_too(tmp_path, capsys, monkeypatch):
    write_volume(phantom((24, 28, 20), affine=np.diag([1.0, 1.0, 3.3, 1.0])), tmp_path / "scan.nii.gz")
    header = {"MRAcquisitionType": "2D", "SliceThickness": 3, "SpacingBetweenSlices": 3.3}
    (tmp_path / "scan.json").write_text(json.dumps(header))
    shown = (None, None, 1.8)
    monkeypatch.setattr(knowledge, "estimate", lambda _volume: Estimate(width=shown, error=(None, None, 0.1)))
    assert main(["check", str(tmp_path / "scan.nii.gz")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "acquisition: Slices 3.0 mm thick, 3.3 mm apart (read from the BIDS sidecar)."
    assert lines[1].startswith(
        "acquisition: The BIDS sidecar says: slices 3.0 mm thick, 3.3 mm apart; the scan shows: "
    )
    assert "slices about 5.9 mm thick, 3.3 mm apart (± 0.3 mm)" in lines[1]
    said: list[str] = []
    settings = Settings(target=Target.factor((1, 1, 2)))
    request = enhancement.Request(tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz", settings)
    record = enhancement.run(request, Monitor(log=said.append)).provenance
    assert record["acquisition_source"] == "read"
    assert record["acquisition_basis"] == lines[0].removeprefix("acquisition: ")
    assert said == [record["acquisition_contradiction"]] == [lines[1].removeprefix("acquisition: ")]
    shown = (None, None, 0.7)
    assert main(["check", str(tmp_path / "scan.nii.gz")]) == 0
    assert "the scan shows" not in capsys.readouterr().out


def test_a_gap_is_named_with_its_size_and_who_says_so(good):
    made = Acquisition(profile=("none", "none", "rectangle"), width=(1, 1, 0.5))
    slices = made.simulate(good, good.grid.resampled((1, 1, 1 / 4)))

    def said(header=None, shown=None):
        known = Known(header, Estimate(width=(None, None, shown)))
        return [w.sentence for w in check_scan(slices, known=known) if w.code == "gap"]

    (read,) = said(Header(2.8, 4.0, "2D", origin="BIDS sidecar"))
    assert read.startswith(
        "Between the slices 1.2 mm of every 4 mm were not measured (read from the BIDS sidecar)."
    )
    assert "another series" in read
    (seen,) = said(shown=0.5)
    assert "estimated from the voxels" in seen
    # A header goes before an estimate, a slab has no gaps, and slices are not called thin for a little.
    assert said(Header(4.0, 4.0, "2D"), shown=0.5) == []
    assert said(Header(2.8, 4.0, "3D")) == []
    assert said(shown=0.7) == said(Header(3.9, 4.0, "2D")) == said() == []


def test_the_reference_scans_of_the_tests_raise_nothing_but_clipping():
    assert set(codes(reference("t1"))) <= {"clipped"}
