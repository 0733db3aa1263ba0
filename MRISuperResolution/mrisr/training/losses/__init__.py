"""Losses as small objects, by name; see `sum`."""
