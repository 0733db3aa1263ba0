"""What `estimation` has learned. Made by `mrisr calibrate-acquisition SCANS`; the comment names the scans."""

KSPACE = [0.0] * 10
"""Discriminant: weights of the nine bands and an offset; above 0 the axis was limited in k-space."""

SQUARE = [0.0] * 9 + [0.7]
"""Width² of a Gaussian: weights of the nine bands and an offset."""

WIDTH_SD = 0.16
"""Standard deviation of that width."""

DOUBT = 0.7
"""Logarithm of the odds up to which the kind is not told."""
