"""Enhance one scan: read it, let the best model be chosen, write the result with its record.

python examples/enhance_one_scan.py [SCAN]
"""

import sys

import mrisr
from mrisr.pipeline.sidecar import write_sidecar
from sample import results, thick_scan

scan = mrisr.read_volume(sys.argv[1]) if len(sys.argv) > 1 else thick_scan()
monitor = mrisr.Monitor(log=print)  # told why a model is chosen, and what to know
result = mrisr.enhance(scan, mrisr.Settings(model="auto", target=mrisr.Target.isotropic()), monitor=monitor)

path = results() / "enhanced.nii.gz"
mrisr.write_volume(result.volume, path)
write_sidecar(path, result.provenance)
print(
    f"{scan.shape} voxels of {scan.spacing} mm became {result.volume.shape} of {result.volume.spacing} mm: {path}"
)
print(result.provenance["trust"]["sentence"])
