"""How is it shown? Pages, pictures of slices, curves, and derived DICOM series."""
