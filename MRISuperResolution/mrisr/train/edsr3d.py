"""Trains EDSR-3D networks by the shared pipeline."""

from __future__ import annotations

from ..training.session import train

__all__ = ["train"]
