"""How does a scanner make a scan, and how is that undone? Acquisitions, operators, interpolation, consistency, protocols."""
