"""Diffusion: how noise is added, how it is taken away again, how the measured scan guides that, and how it is learned."""
