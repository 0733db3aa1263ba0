"""How do several scans of one subject become one volume? Registration, intensities, reconstruction, and how well the scans agree."""
