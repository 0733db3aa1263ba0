"""The machine: packages, models on disk, processes, and Slicer kept awake meanwhile."""
