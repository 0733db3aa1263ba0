"""Networks as torch modules, one a file, and the one way they are used as models.

The modules know tensors only: no scans, no files, no devices.
"""
