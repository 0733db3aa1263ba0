"""Which scans a training takes, whose they are and what they are called; and how they come into memory."""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from engine.training_helpers import write_scans
from mrisr.errors import Cancelled, ConfigError, FileError, InputError
from mrisr.progress import CancelToken, Monitor
from mrisr.training.data.scans import ScanFile, find_scans, load_scans, sharp_axes
from mrisr.training.data.subjects import name_of, split_by_subject, subject_of


def touch(root, *names):
    """Empty files; their paths."""
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return paths


@pytest.fixture
def hcp(tmp_path):
    """Two subjects, the second without bias correction; the folder, and its structural scans."""
    scans = touch(
        tmp_path,
        "100307/T1w/T1w_acpc_dc_restore.nii.gz",
        "100307/T1w/T2w_acpc_dc_restore.nii.gz",
        "100408/T1w/T1w_acpc_dc.nii.gz",
    )
    touch(
        tmp_path,
        "100307/T1w/T1w_acpc_dc.nii.gz",
        "100307/T1w/T1w_acpc_dc_restore_1.25.nii.gz",
        "100307/T1w/T1w_acpc_dc_restore_brain.nii.gz",
        "100307/T1w/100307/mri/aseg.mgz",
        "100307/MNINonLinear/T1w_restore.nii.gz",
        "100307/MNINonLinear/ribbon.nii.gz",
        "release.txt",
    )
    return tmp_path, scans


@pytest.fixture
def bids(tmp_path):
    """Two subjects, one of them with a session; the folder, and its structural scans."""
    scans = touch(
        tmp_path,
        "sub-01/anat/sub-01_FLAIR.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_T2w.nii",
    )
    touch(
        tmp_path,
        "sub-01/anat/sub-01_T2starw.nii.gz",
        "sub-01/anat/sub-01_acq-T1w_mask.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
        "sub-02/ses-a/dwi/sub-02_ses-a_dwi.nii.gz",
        "derivatives/fmriprep/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz",
        ".git/annex/objects/key/key.nii.gz",
        "participants.tsv",
    )
    return tmp_path, scans


@pytest.mark.parametrize("pattern", [".", "*", "**", "*/T1w", "{root}", "{root}/*", "**/T1w"])
def test_of_hcp_each_contrast_is_taken_once_and_in_its_best_version(hcp, pattern):
    root, scans = hcp
    assert sorted(find_scans(root, [pattern.format(root=root)])) == scans


def test_a_folder_inside_a_subject_of_hcp_stands_for_its_part(hcp):
    root, scans = hcp
    assert (
        find_scans(root, ["100307"])
        == find_scans(root / "100307", ["."])
        == find_scans(root / "100307", ["T1w"])
        == scans[:2]
    )
    with pytest.raises(ConfigError, match="MNINonLinear"):
        find_scans(root, ["*/MNINonLinear"])


@pytest.mark.parametrize(
    "pattern", [".", "*", "**", "sub-*", "sub-*/**", "{root}", "{root}/sub-*", "**/anat"]
)
def test_of_bids_only_structural_scans_are_taken(bids, pattern):
    root, scans = bids
    assert sorted(find_scans(root, [pattern.format(root=root)])) == scans


def test_a_folder_inside_a_subject_of_bids_stands_for_its_part(bids):
    root, scans = bids
    assert (
        find_scans(root / "sub-01", ["."])
        == find_scans(root, ["sub-01"])
        == find_scans(root, ["sub-01/anat"])
        == scans[:2]
    )
    assert find_scans(root, ["sub-02/ses-a"]) == scans[2:]
    for folder in ("sub-01/func", "sub-*/ses-a/dwi"):
        with pytest.raises(ConfigError, match="No scan fits"):
            find_scans(root, [folder])


def test_what_a_pattern_names_is_taken_whatever_it_is(bids):
    root, _ = bids
    assert [p.name for p in find_scans(root, ["**/*_bold.nii.gz"])] == ["sub-01_task-rest_bold.nii.gz"]
    assert [p.name for p in find_scans(root, ["derivatives/*/sub-*"])] == ["sub-01_desc-preproc_T1w.nii.gz"]
    assert [p.name for p in find_scans(root, ["**/*_T1w.nii.gz"])] == ["sub-01_T1w.nii.gz"]


def test_no_scan_is_listed_twice(bids):
    root, scans = bids
    (root / "zz_again").symlink_to(root / "sub-01" / "anat", target_is_directory=True)
    assert (
        sorted(
            find_scans(
                root, [".", "sub-01", str(root), "**/*_T1w.nii.gz", "zz_again/*_T1w.nii.gz", "./sub-02"]
            )
        )
        == scans
    )


def test_folders_of_no_layout_stand_for_all_readable_files(tmp_path):
    loose = touch(tmp_path, "loose/a.nii.gz", "loose/b.mha")
    touch(tmp_path, "loose/notes.txt", "loose/._a.nii.gz", "loose/deeper/c.nii.gz")
    dated = touch(tmp_path, "202401/scan_01.nii.gz", "202401/scan_02.nii.gz")
    own = touch(tmp_path, "sub-07/t1.nii.gz")
    assert (
        find_scans(tmp_path, ["loose"])
        == find_scans(tmp_path / "loose", ["."])
        == find_scans(tmp_path, ["loose/*.*"])
        == loose
    )
    assert find_scans(tmp_path, ["202401"]) == find_scans(tmp_path / "202401", ["."]) == dated
    assert find_scans(tmp_path, ["sub-07"]) == own
    assert find_scans(Path("/"), [str(tmp_path / "loose" / "*.mha")]) == loose[1:]


@pytest.mark.parametrize("pattern", ["", "none/*.nii.gz", "**.nii.gz", "notes.txt", "../*.mgz", "/"])
def test_patterns_that_name_no_scan_end_in_a_sentence(tmp_path, pattern):
    touch(tmp_path, "notes.txt")
    if pattern == "/" or (pattern.startswith("**.") and sys.version_info >= (3, 13)):
        pattern = str(tmp_path / "absent" / "*")
    with pytest.raises(ConfigError):
        find_scans(tmp_path, [pattern])


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("bids/sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz", "sub-01"),
        ("hcp/100307/T1w/T1w_acpc_dc_restore.nii.gz", "100307"),
        ("hcp/100307/unprocessed/3T/T1w_MPR1/100307_3T_T1w_MPR1.nii.gz", "100307"),
        ("copied/100307/T2w_acpc_dc_restore.nii.gz", "100307"),
        ("scan_01.nii.gz", "scan_01"),
        ("202401/scan_02.nii.gz", "scan_02"),
        ("sub01_ses1.nii.gz", "sub01"),
        ("sub01_ses2_t1.nii.gz", "sub01"),
        ("study_sub-03_run-2_t1.nii.gz", "study_sub-03"),
        ("Subject_4_1.nrrd", "Subject_4"),
        ("subtle_t1.nii.gz", "subtle"),
        ("p07_flair.nii.gz", "p07"),
        ("ms_03_1_flair.nii.gz", "ms_03"),
        ("ms_03_2_t1w.nii.gz", "ms_03"),
        ("IXI002-Guys-0828-T1.nii.gz", "IXI002-Guys-0828"),
        ("head.nii.gz", "head"),
    ],
)
def test_whose_scan_it_is_follows_from_the_names(path, subject):
    assert subject_of(Path("/data") / path) == subject


def test_numbered_scans_can_be_split_and_sessions_cannot():
    train, held = split_by_subject([Path("scan_01.nii.gz"), Path("scan_02.nii.gz")], 1.0, seed=0)
    assert (len(train), len(held)) == (1, 1)
    with pytest.raises(
        ConfigError, match=r"all of .sub01.; name validation\.headline, .* its name up to sub-01"
    ):
        split_by_subject([Path("sub01_ses1.nii.gz"), Path("sub01_ses2.nii.gz")], 0.5, seed=0)
    with pytest.raises(ConfigError, match="there are none"):
        split_by_subject([], 0.5, seed=0)


def test_scans_of_one_stem_have_names_of_their_own(hcp):
    root, scans = hcp
    names = ["100307_T1w_acpc_dc_restore", "100307_T2w_acpc_dc_restore", "100408_T1w_acpc_dc"]
    assert [name_of(p) for p in scans] == [ScanFile(p).name for p in scans] == names
    assert ScanFile(scans[0], name="mine").name == "mine"
    assert name_of(Path("/data/sub-01/anat/sub-01_T1w.nii.gz")) == "sub-01_T1w"
    assert name_of(Path("/data/123456/study/p07_t1.nii.gz")) == "p07_t1"
    assert find_scans(root, ["."], ["100307_T1w*"]) == scans[1:]
    assert find_scans(root, ["."], ["T1w_*"]) == scans[1:2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1x1x1\n", "line 2 has no true_mm"),
        ("a,1x1x1,1x1\n", "Line 2"),
        ("a,0x1x1,1x1x1\n", "Line 2"),
        ("\xe9\n", "columns id"),
    ],
)
def test_a_table_of_resolutions_that_cannot_be_used_says_where(tmp_path, rows, message):
    index = tmp_path / "index.csv"
    index.write_bytes(("id,voxel_mm,true_mm\n" + rows).encode("latin-1"))
    with pytest.raises(ConfigError, match=message):
        sharp_axes(index)


def four_dimensional():
    return np.random.default_rng(0).normal(100, 9, (6, 6, 6, 2)).astype(np.float32)


def not_finite():
    inside = np.arange(216).reshape(6, 6, 6) == 86
    return np.where(inside, np.nan, 1.5).astype(np.float32)


def labels():
    return np.repeat(np.arange(6, dtype=np.uint8), 36).reshape(6, 6, 6)


@pytest.mark.parametrize(
    ("voxels", "kind", "sentence"),
    [
        (four_dimensional, InputError, "4 dimensions"),
        (not_finite, InputError, "not finite"),
        (labels, InputError, "label map"),
    ],
)
def test_a_refused_scan_is_named_with_its_folder(tmp_path, voxels, kind, sentence):
    write_scans(tmp_path, 1)
    bad = tmp_path / "odd" / "sub-0_t1.nii.gz"
    bad.parent.mkdir()
    nib.save(nib.Nifti1Image(voxels(), np.eye(4)), bad)
    with pytest.raises(kind) as caught:
        load_scans([ScanFile(tmp_path / "sub-0_t1.nii.gz"), ScanFile(bad)], Monitor())
    assert str(caught.value).startswith(f"{bad}: ")
    assert sentence in str(caught.value)


def test_a_damaged_scan_is_named_with_its_folder(tmp_path):
    bad = tmp_path / "head.nii.gz"
    bad.write_bytes(b"no image")
    with pytest.raises(FileError) as caught:
        load_scans([ScanFile(bad)], Monitor())
    assert str(caught.value).startswith(f"{bad}: ")


def test_scans_come_in_order_and_report_each(tmp_path):
    write_scans(tmp_path, 2)
    steps = []
    files = [ScanFile(tmp_path / "sub-1_t1.nii.gz", 0.5, (0, 2)), ScanFile(tmp_path / "sub-0_t1.nii.gz")]
    scans = load_scans(files, Monitor(progress=lambda *step: steps.append(step)))
    assert [(s.name, s.weight, s.sharp) for s in scans] == [
        ("sub-1_t1", 0.5, (0, 2)),
        ("sub-0_t1", 1.0, (0, 1, 2)),
    ]
    assert steps == [("reading scans", 0, 2), ("reading scans", 1, 2), ("reading scans", 2, 2)]


def test_reading_stops_between_scans(tmp_path):
    write_scans(tmp_path, 1)
    token = CancelToken()
    monitor = Monitor(
        progress=lambda _stage, done, _total: token.cancel() if done == 1 else None, cancel=token
    )
    with pytest.raises(Cancelled):
        load_scans([ScanFile(tmp_path / "sub-0_t1.nii.gz"), ScanFile(tmp_path / "absent.nii.gz")], monitor)
