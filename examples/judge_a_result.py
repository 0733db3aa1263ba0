"""Judge a result: its verdict, where it disagrees with the scan, and what an invented spot does to both.

python examples/judge_a_result.py
"""

import numpy as np

import mrisr
from mrisr.pipeline.verification import check_result
from sample import results, thick_scan

scan = thick_scan()
settings = mrisr.Settings(
    model="edsr3d-thick", target=mrisr.Target.isotropic(), acquisition="slices:4", residual=True
)
result = mrisr.enhance(scan, settings)
trust = result.provenance["trust"]
print(f"{trust['color']}: {trust['sentence']}")
print("The smallest spots that would be noticed:")
for size, contrast in trust["smallest"]:
    print(f"  {size:.0f} mm, from {contrast:.0f} % of the brightness on")

# The residual is what the result, scanned again, differs by from the scan; it lies on the scan's voxels.
mrisr.write_volume(result.residual, results() / "residual.nii.gz")

# A volume that somebody has painted a bright spot into, 4 mm in radius, as a network might invent one.
place = np.array(result.volume.shape) // 2
distance = np.linalg.norm(np.indices(result.volume.shape).T - place, axis=-1).T
painted = result.volume.with_array(np.where(distance < 4, result.volume.array.max(), result.volume.array))
verdict = check_result(painted, scan, acquisition="slices:4")
print(f"With a spot painted in, {verdict.color}: {verdict.sentence}")
print(
    f"It lies at {np.round(painted.affine[:3] @ [*place, 1])} mm; the worst place found is {verdict.worst_ras} mm."
)
