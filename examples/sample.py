"""The scan that the examples work on: one that is named, or a part of the MNI152 head that nilearn carries (`pip install '.[demo]'`)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import mrisr

HEAD = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
"""Where nilearn keeps it."""

BOX = ((74, 84, 64), (122, 132, 112))
"""The part that is taken: 48 mm on a side, with a ventricle and folds of the cortex."""


def good_scan() -> mrisr.Volume:
    """The scan named on the command line, or else a part of the head: a good scan, with voxels of 1 mm."""
    if len(sys.argv) > 1:
        return mrisr.read_volume(sys.argv[1])
    package = importlib.util.find_spec("nilearn")
    if package is None or package.origin is None:
        sys.exit("The head comes with nilearn: pip install '.[demo]', or name a scan of yours.")
    head = mrisr.read_volume(Path(package.origin).parent / HEAD)
    return mrisr.prepare_reference(head.cropped(*BOX))


def thick_scan() -> mrisr.Volume:
    """The same, in slices 4 mm thick, as an axial scan would have them."""
    return mrisr.simulate(good_scan(), "thick4", axis=2)


def results() -> Path:
    """A folder `results` in the current one."""
    folder = Path("results")
    folder.mkdir(exist_ok=True)
    return folder
