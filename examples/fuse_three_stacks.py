"""Fuse three thick scans of one subject, which has moved between them, into one volume.

python examples/fuse_three_stacks.py [GOOD_SCAN]
"""

from dataclasses import replace

import mrisr
from mrisr.fusion.fuse_scans import fuse
from mrisr.fusion.settings import FusionSettings
from mrisr.fusion.suitability import Scan
from mrisr.image.metrics import score
from mrisr.physics.stacks import STACKS, Motion
from sample import good_scan, results

truth = mrisr.prepare_reference(good_scan())
names = ("axial", "sagittal", "coronal")
made = STACKS["stacks3-thick4"].simulate(truth, Motion(mm=1.0, degrees=1.0))
scans = [Scan(name, stack.volume) for name, stack in zip(names, made, strict=True)]

fused = fuse(scans, FusionSettings(device="cpu"))
mrisr.write_volume(fused.volume, results() / "fused.nii.gz")
for each in fused.provenance["inputs"]:
    moved = each["registration"] or {"degrees": 0.0, "mm": 0.0}
    print(
        f"{each['input']}: turned by {moved['degrees']:.1f}°, moved by {moved['mm']:.1f} mm. {each['trust']['sentence']}"
    )

# What one scan alone gives, by cubic interpolation onto the same grid.
alone = mrisr.enhance(scans[0].volume, mrisr.Settings(model="cubic", target=truth.grid)).volume
together = replace(fused.volume, array=fused.volume.array[tuple(slice(n) for n in truth.shape)])
for name, volume in (("one scan, interpolated", alone), ("three scans, fused", together)):
    print(f"{name}: {score(truth.array, volume.array).psnr_mask:.1f} dB in the head")
