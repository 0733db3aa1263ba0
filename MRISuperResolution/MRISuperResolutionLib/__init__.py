"""The Slicer side of MRISuperResolution: one noun per file. The engine is the package ``mrisr`` beside it."""
