"""BIDS names, sidecars that tell of many scans, and what is chosen of a data set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bids_dataset import put, write_scan
from mrisr.bids.choices import Choice, Choices, voxels_of
from mrisr.bids.dataset import Image, find_images
from mrisr.bids.derivative import check_folders, prepare, result_place, told_of
from mrisr.bids.selection import Selection, read_filter
from mrisr.errors import ConfigError, FileError, InputError
from mrisr.image.bids_name import ENTITIES, BidsName, label_of
from mrisr.image.grid import Grid
from mrisr.image.header import read_header
from mrisr.image.inheritance import metadata_of
from mrisr.image.nifti import read_grid, read_nifti

LABELS = st.text("abcXYZ019", min_size=1, max_size=6)


@given(
    st.dictionaries(st.sampled_from(list(ENTITIES)), LABELS, max_size=8), st.sampled_from(["T1w", "FLAIR"])
)
def test_a_name_is_what_it_was_taken_apart_into_in_the_standards_order(entities, suffix):
    name = BidsName(suffix, entities)
    text = name.text
    assert BidsName.of(text) == name
    keys = re.findall(r"([a-z]+)-", text)
    assert keys == [key for key in ENTITIES if key in entities]
    assert text.endswith(f"{suffix}.nii.gz")


def test_the_entities_are_the_schemas():
    schema = pytest.importorskip("bidsschematools.schema", reason="needs bidsschematools").load_schema()
    rules = [schema.objects.entities[key] for key in schema.rules.entities]
    assert list(ENTITIES) == [rule.name for rule in rules]


@pytest.mark.parametrize(
    "text", ["T1w.txt", "sub-01.nii.gz", "sub_01_T1w.nii.gz", "sub-01_sub-02_T1w.nii.gz", "sub-_T1w.nii"]
)
def test_what_is_no_such_name_is_none(text):
    assert BidsName.of(text) is None


@pytest.mark.parametrize(
    ("scan", "model", "expected"),
    [
        ("sub-01_T2w.nii.gz", "edsr3d-thick", "sub-01_rec-edsr3dthick_T2w.nii.gz"),
        (
            "sub-01_ses-2_acq-tra_run-1_echo-2_part-mag_T2w.nii",
            "cubic",
            "sub-01_ses-2_acq-tra_rec-cubic_run-1_echo-2_part-mag_T2w.nii.gz",
        ),
        (
            "sub-01_ce-gad_rec-norm_dir-AP_T1w.nii.gz",
            "cubic",
            "sub-01_ce-gad_rec-normcubic_dir-AP_T1w.nii.gz",
        ),
    ],
)
def test_results_are_named_after_scan_and_model(scan, model, expected):
    image = Image(Path("/data/sub-01/anat") / scan, f"sub-01/anat/{scan}", BidsName.of(scan), "anat")
    assert result_place(image, model) == f"sub-01/anat/{expected}"
    residual = result_place(image, model, "residual")
    assert residual.replace("_desc-residual", "") == f"sub-01/anat/{expected}"
    assert residual.endswith(("_desc-residual_T1w.nii.gz", "_desc-residual_T2w.nii.gz"))


def test_labels_hold_letters_and_digits_alone():
    assert label_of("ddpm-iso2_tri.planar") == "ddpmiso2triplanar"


@pytest.fixture
def study(tmp_path):
    put(tmp_path / "dataset_description.json", {"Name": "Study", "BIDSVersion": "1.10.0"})
    for place in (
        "sub-01/ses-a/anat/sub-01_ses-a_acq-tra_T2w.nii.gz",
        "sub-01/ses-a/anat/sub-01_ses-a_acq-cor_run-1_T2w.nii.gz",
        "sub-01/ses-b/anat/sub-01_ses-b_acq-tra_T2w.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_acq-tra_run-02_T2w.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_part-phase_T2starw.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz",
        "sub-02/ses-a/func/sub-02_ses-a_task-rest_bold.nii.gz",
    ):
        write_scan(tmp_path / place)
    return tmp_path


def taken(study, selection):
    return [i.place.rpartition("/")[2] for i in find_images(study) if not selection.why_not(i)]


def test_sidecars_above_a_scan_tell_of_it_and_the_nearer_one_goes_first(study):
    scan = study / "sub-01/ses-a/anat/sub-01_ses-a_acq-tra_T2w.nii.gz"
    put(study / "T2w.json", {"EchoTime": 0.08, "FlipAngle": 90, "SliceThickness": 1})
    put(study / "acq-tra_T2w.json", {"SliceThickness": 2})
    put(study / "acq-cor_T2w.json", {"SliceThickness": 9, "Wrong": 1})
    put(study / "T1w.json", {"Wrong": 1})
    put(study / "sub-01/sub-01_T2w.json", {"FlipAngle": 80})
    put(study / "sub-02/sub-02_T2w.json", {"Wrong": 1})
    assert metadata_of(scan) == {"EchoTime": 0.08, "FlipAngle": 80, "SliceThickness": 2}
    put(scan.with_name("sub-01_ses-a_acq-tra_T2w.json"), {"SliceThickness": 2.4, "MRAcquisitionType": "2D"})
    assert metadata_of(scan)["SliceThickness"] == 2.4
    header = read_header(scan, read_grid(scan))
    assert (header.thickness, header.dimensions, header.origin) == (2.4, "2D", "BIDS sidecar")
    (study / "T2w.json").write_text("{broken", encoding="utf-8")
    assert metadata_of(scan) == {"FlipAngle": 80, "SliceThickness": 2.4, "MRAcquisitionType": "2D"}


def test_outside_a_data_set_only_the_sidecar_beside_a_scan_counts(tmp_path):
    scan = tmp_path / "sub-01/anat/sub-01_T2w.nii.gz"
    write_scan(scan)
    put(tmp_path / "T2w.json", {"EchoTime": 1})
    assert metadata_of(scan) == {}
    put(scan.with_name("sub-01_T2w.json"), {"EchoTime": 2})
    assert metadata_of(scan) == {"EchoTime": 2}


def test_a_header_alone_says_where_the_voxels_are(study):
    for image in find_images(study):
        volume = read_nifti(image.path)
        grid = read_grid(image.path)
        assert grid.shape == volume.grid.shape
        np.testing.assert_array_equal(grid.affine, volume.grid.affine)


def test_scans_are_chosen_by_datatype_suffix_and_values(study):
    assert taken(study, Selection()) == [
        "sub-01_ses-a_acq-cor_run-1_T2w.nii.gz", "sub-01_ses-a_acq-tra_T2w.nii.gz", "sub-01_ses-b_acq-tra_T2w.nii.gz",
        "sub-02_ses-a_T1w.nii.gz", "sub-02_ses-a_acq-tra_run-02_T2w.nii.gz",
    ]  # fmt: skip
    assert taken(study, Selection(("T1w",))) == ["sub-02_ses-a_T1w.nii.gz"]
    reasons = {i.name.suffix: Selection().why_not(i) for i in find_images(study)}
    assert "datatype func" in reasons["bold"]
    assert "part-phase" in reasons["T2starw"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"t2w": {"acquisition": "tra"}}, ["01a-tra", "01b-tra", "02-T1w", "02-tra"]),
        ({"x": {"suffix": "T2w", "run": [1, 2]}}, ["01a-cor", "02-T1w", "02-tra"]),
        ({"T2w": {"run": None}}, ["01a-tra", "01b-tra", "02-T1w"]),
        ({"T2w": {"run": "*"}}, ["01a-cor", "02-T1w", "02-tra"]),
        ({"any": {"ses": "b"}}, ["01b-tra"]),
        ({"any": {"subject": "01", "session": ["a"]}}, ["01a-cor", "01a-tra"]),
        ({"t2w": {"acq": "cor"}, "t1w": {"subject": "03"}}, ["01a-cor"]),
        ({"one": {"acq": "cor"}, "other": {"suffix": "T2w", "session": "b"}}, ["01a-cor", "01b-tra"]),
    ],
)
def test_filters_are_read_as_pybids_reads_them(study, tmp_path, query, expected):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps(query), encoding="utf-8")
    short = {
        "sub-01_ses-a_acq-cor_run-1_T2w.nii.gz": "01a-cor",
        "sub-01_ses-a_acq-tra_T2w.nii.gz": "01a-tra",
        "sub-01_ses-b_acq-tra_T2w.nii.gz": "01b-tra",
        "sub-02_ses-a_T1w.nii.gz": "02-T1w",
        "sub-02_ses-a_acq-tra_run-02_T2w.nii.gz": "02-tra",
    }
    assert [short[name] for name in taken(study, Selection(queries=read_filter(path)))] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1]", "table of queries"), ("{", "cannot be read"), ('{"t1w": {"colour": 1}}', "'colour'")],
)
def test_filters_that_make_no_sense_are_refused(tmp_path, text, words):
    path = tmp_path / "filter.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        Selection(queries=read_filter(path))


def test_subjects_and_sessions_are_asked_for_with_or_without_their_prefix(study):
    assert (
        {i.subject for i in find_images(study, ["sub-01"])}
        == {i.subject for i in find_images(study, ["01"])}
        == {"01"}
    )
    assert (
        {i.session for i in find_images(study, [], ["ses-b"])}
        == {i.session for i in find_images(study, [], ["b"])}
        == {"b"}
    )
    with pytest.raises(InputError, match=r"has no sub-03; it has 2 of them, such as 01, 02"):
        find_images(study, ["03"])
    with pytest.raises(InputError, match="session c"):
        find_images(study, [], ["a", "c"])
    with pytest.raises(InputError, match="no BIDS data set"):
        find_images(study / "sub-01")


@pytest.mark.parametrize("place", ["out", "raw/derivatives/mrisr", "raw/derivatives/other/deep", "around"])
def test_results_may_go_beside_into_and_around_a_data_set(tmp_path, place):
    check_folders(
        tmp_path / "around/sourcedata/raw" if place == "around" else tmp_path / "raw", tmp_path / place
    )


@pytest.mark.parametrize(
    "place", ["raw", "raw/sub-01", "raw/out", "raw/derivatives", "raw/sub-01/../derivatives"]
)
def test_results_never_go_among_the_data(tmp_path, place):
    with pytest.raises(FileError, match="choose"):
        check_folders(tmp_path / "raw", tmp_path / place)


def test_the_description_names_what_made_the_results_and_from_what(study, tmp_path):
    out = tmp_path / "derivatives" / "mrisr"
    put(
        study / "dataset_description.json",
        {"Name": "Study", "DatasetDOI": "doi:10.1/x", "Authors": ["A. B."]},
    )
    prepare(study, out)
    described = json.loads((out / "dataset_description.json").read_text(encoding="utf-8"))
    assert described["DatasetType"] == "derivative"
    assert described["BIDSVersion"].count(".") == 2
    assert described["GeneratedBy"][0]["Name"] == "mrisr"
    assert described["SourceDatasets"] == [{"URL": study.resolve().as_uri(), "DOI": "doi:10.1/x"}]
    assert described["DatasetLinks"] == {"raw": study.resolve().as_uri()}
    assert described["Authors"] == ["A. B."]
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    prepare(study, out)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    put(out / "dataset_description.json", {"Name": "fMRIPrep", "GeneratedBy": [{"Name": "fMRIPrep"}]})
    with pytest.raises(FileError, match="something else"):
        prepare(study, out)


def test_a_sidecar_carries_on_what_holds_and_nothing_of_the_person(study):
    image = find_images(study, ["01"])[0]
    told = told_of(
        [image], {"EchoTime": 0.1, "SliceThickness": 3, "PatientName": "M", "AcquisitionDateTime": "2020"}
    )
    assert told["Sources"] == [f"bids:raw:{image.place}"]
    assert told["EchoTime"] == 0.1
    assert {"SliceThickness", "PatientName", "AcquisitionDateTime"}.isdisjoint(told)
    assert told["SkullStripped"] is False
    assert told_of([image], {"SkullStripped": True})["SkullStripped"] is True


def test_the_first_decision_stands_whoever_decides_later(tmp_path):
    one, other = Choices(tmp_path), Choices(tmp_path)
    assert one.find("T1w", "1x1x3") is None
    first = Choice("T1w", "1x1x3", "cubic", "Because.", ("sub-01/anat/sub-01_T1w.nii.gz",))
    assert one.decide(first) == first
    assert other.decide(Choice("T1w", "1x1x3", "linear", "No.")) == first
    assert other.find("T1w", "1x1x3") == first
    assert Choices(tmp_path, "spacing 0.5").find("T1w", "1x1x3") is None, "another wish is another decision"
    assert list(other.all()) == [first]
    assert [path.name for path in (tmp_path / "logs/models").iterdir()] == ["T1w_1x1x3.json"]


@pytest.mark.parametrize("order", [(0.9375, 0.9375, 5), (5, 0.9375, 0.94)])
def test_voxel_sizes_are_the_same_in_any_orientation_and_to_a_hundredth(order):
    assert voxels_of(Grid((4, 4, 4), np.diag([*order, 1.0]))) == "0.94x0.94x5"
