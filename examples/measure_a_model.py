"""Measure a model on a good scan of your own: make a coarse one of it, restore that, compare with the scan itself.

python examples/measure_a_model.py [GOOD_SCAN]
"""

import mrisr
from sample import good_scan

PROTOCOL, MODELS = "thick4", ["edsr3d-thick", "gradient-filters-thick"]

# The baselines (linear, cubic, lanczos, back-projection) are always measured beside the models.
rows = mrisr.evaluate([("my scan", good_scan())], [PROTOCOL], MODELS)
(cubic,) = (row for row in rows if row.model == "cubic")
print(f"{PROTOCOL}; the models are told nothing of how the coarse scan was made.")
for row in sorted(rows, key=lambda row: -row.psnr_mask):
    gain = row.psnr_mask - cubic.psnr_mask
    print(
        f"{row.model:24} {row.psnr_mask:6.2f} dB in the head, {gain:+.2f} dB over cubic, SSIM {row.ssim_mask:.3f}"
    )
