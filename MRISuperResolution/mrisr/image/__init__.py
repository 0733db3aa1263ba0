"""What is an image? Volumes and their grids, files, brightness, and what is measured on voxels alone."""
