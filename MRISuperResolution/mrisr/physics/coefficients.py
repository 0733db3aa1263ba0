"""What `estimation` has learned, made by `mrisr calibrate-acquisition SCANS`.

Two boxes each of 16 scans of other people than those it is judged on: aomic_0001, ds011_sub-06, -09 and -12, fsf_subject1, ljcs_p07,
M2265, karawun, clinical, oasis_vxm, saganon, ds2748_sub-01, -10 and -26, a fruit and mnemisc_ecog (data in CONTRIBUTING.md).
"""

KSPACE = [4.0684, -4.0585, 2.5318, 1.5267, 4.5503, -1.9013, 8.6587, 0.1535, -7.6088, -13.337]
"""Discriminant: weights of the nine bands and an offset; above 0 the axis was limited in k-space."""

SQUARE = [-0.2173, 0.5191, 0.5192, -1.0382, -1.0173, 1.9824, 0.4764, -0.9025, -0.3354, -0.1874]
"""Width² of a Gaussian: weights of the nine bands and an offset."""

WIDTH_SD = 0.133
"""Standard deviation of that width."""

DOUBT = 0.7
"""Logarithm of the odds up to which the kind is not told."""
