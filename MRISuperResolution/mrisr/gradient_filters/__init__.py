"""Gradient-hash filter learning in 3-D: features, buckets, symmetry, training and application.

`mrisr.models.gradient_filters` explains the method with its equations; the files here hold one step each.
"""
