"""Trains mDCSRN networks by the shared pipeline."""

from __future__ import annotations

from . import train_network as train

__all__ = ["train"]
