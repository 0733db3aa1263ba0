"""A small BIDS data set: 6 subjects, 2 sessions, T1w and FLAIR in thick slices; one scan is broken, one isotropic, and there is a DWI."""

import json
from pathlib import Path

import numpy as np

from engine.conftest import phantom
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume

SUBJECTS, SESSIONS, SUFFIXES = ("01", "02", "03", "04", "05", "06"), ("1", "2"), ("T1w", "FLAIR")

SHAPE, THICK = (20, 22, 6), (1.0, 1.0, 3.0)

BROKEN = "sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii.gz"
ISOTROPIC = "sub-03/ses-2/anat/sub-03_ses-2_T1w.nii.gz"
DWI = "sub-04/ses-1/dwi/sub-04_ses-1_dwi.nii.gz"


def write_dataset(root: Path) -> Path:
    """Write it; the root."""
    put(root / "dataset_description.json", {"Name": "Heads", "BIDSVersion": "1.10.0", "License": "CC0"})
    (root / "README").write_text("Phantoms.\n", encoding="utf-8")
    (root / "participants.tsv").write_text(
        "participant_id\n" + "".join(f"sub-{each}\n" for each in SUBJECTS), encoding="utf-8"
    )
    put(root / "FLAIR.json", {"SliceThickness": 2.4, "MRAcquisitionType": "2D", "EchoTime": 0.1})
    for number, subject in enumerate(SUBJECTS):
        for session in SESSIONS:
            for suffix in SUFFIXES:
                place = f"sub-{subject}/ses-{session}/anat/sub-{subject}_ses-{session}_{suffix}.nii.gz"
                write_scan(root / place, seed=10 * number + int(session))
    (root / BROKEN).write_bytes((root / BROKEN).read_bytes()[:500])
    write_scan(root / ISOTROPIC, shape=(16, 16, 16), spacing=(1.0, 1.0, 1.0))
    write_scan(root / DWI)
    np.savetxt((root / DWI).with_name("sub-04_ses-1_dwi.bval"), [[0]], fmt="%d")
    np.savetxt((root / DWI).with_name("sub-04_ses-1_dwi.bvec"), [[0], [0], [0]], fmt="%d")
    return root


def write_scan(path: Path, shape=SHAPE, spacing=THICK, seed=0, axes=(0, 1, 2)) -> None:
    """Write a head, whose array's axes lie along these of space."""
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)
    volume = phantom(shape, seed=seed)
    turned = np.zeros((4, 4))
    turned[3, 3] = 1
    for own, of_space in enumerate(axes):
        turned[of_space, own] = affine[own, own]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(volume.array, turned), path)


def put(path: Path, data: dict) -> None:
    """Write JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
