"""Enhance a BIDS data set into a data set of derivatives; a small one is made here.

python examples/enhance_a_data_set.py
"""

import json

import mrisr
from mrisr.cli import main
from sample import results, thick_scan

study = results() / "study"
scan = thick_scan()
for subject in ("sub-01", "sub-02"):
    anat = study / subject / "anat"
    anat.mkdir(parents=True, exist_ok=True)
    mrisr.write_volume(scan, anat / f"{subject}_T1w.nii.gz")
    # How the scan was made, as converters write it: read, and therefore known.
    header = {"SliceThickness": 4.0, "SpacingBetweenSlices": 4.0, "MRAcquisitionType": "2D"}
    (anat / f"{subject}_T1w.json").write_text(json.dumps(header), encoding="utf-8")
description = {"Name": "Two subjects", "BIDSVersion": "1.10.0"}
(study / "dataset_description.json").write_text(json.dumps(description), encoding="utf-8")

# The same as `mrisr bids STUDY DERIVATIVES participant` and then `… group` in a terminal. What is there already is not made again.
derivatives = study / "derivatives" / "mrisr"
options = ["--model", "gradient-filters-thick", "--jobs", "1"]
for level in ("participant", "group"):
    code = main(["bids", str(study), str(derivatives), level, *(options if level == "participant" else [])])
    if code:
        raise SystemExit(code)
for path in sorted(derivatives.rglob("*")):
    if path.is_file():
        print(path.relative_to(derivatives))
