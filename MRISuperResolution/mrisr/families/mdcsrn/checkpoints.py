"""Checkpoints of other programs as models: the public reproduction of mDCSRN."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import CatalogError, FileError
from ...models import catalog
from .network import MDCSRN

UNIT = re.compile(r"block(\d+)\.denselayer(\d+)\.conv\.weight")
NESTED = ("state_dict", "model", "generator", "netG", "G")
"""Entries under which programs put the state dict."""


def import_mdcsrn(checkpoint: Path, name: str, folder: Path, license_name: str = "unknown") -> Path:
    """Write a checkpoint of the reproduction as a model's folder.

    Args:
        checkpoint: a state dict saved by torch, its tensors named `block*.denselayer*.norm|conv`, `comp*` and `recon`,
            perhaps with `module.` before them. Only tensors are read from it, no code.
        name: of the model.
        folder: where to write.
        license_name: of the weights.

    Raises:
        FileError: the file cannot be read, or is a pickle that wants to run code.
        CatalogError: its tensors are not those of an mDCSRN.
        ConfigError: the name cannot be a model's.
    """
    state = read_state(checkpoint)
    hyperparameters = infer(state)
    network = MDCSRN(**hyperparameters)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CatalogError(
            f"{checkpoint.name} is no checkpoint of mDCSRN ({str(error).splitlines()[-1].strip()})."
        ) from error
    from safetensors.torch import save

    content = save(
        {
            key: value.float().contiguous()
            for key, value in state.items()
            if not key.endswith("num_batches_tracked")
        }
    )
    card = _card(name, hyperparameters, content, license_name, checkpoint, network.halo)
    catalog.write_model(folder, content, card)
    return folder


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint, without the prefix of data-parallel training."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise FileError(
            f"The checkpoint {path} cannot be read ({error.strerror}); check its name."
        ) from error
    except Exception as error:  # torch's unpickler raises many kinds on damaged files
        raise FileError(
            f"The checkpoint {path} is damaged, or holds more than tensors; save its state_dict alone."
        ) from error
    for key in NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    ):
        raise FileError(f"The checkpoint {path} holds no state dict; save the network's state_dict().")
    return {key.removeprefix("module."): value for key, value in found.items()}


def infer(state: dict[str, Tensor]) -> dict[str, Any]:
    """The size of an mDCSRN from the names and shapes of its tensors.

    Raises:
        CatalogError: they are not those of an mDCSRN.
    """
    units = [(int(m[1]), int(m[2])) for key in state if (m := UNIT.fullmatch(key))]
    first = state.get("conv0.weight")
    if not units or first is None or first.ndim != 5 or "recon.weight" not in state:
        raise CatalogError("The checkpoint is not of mDCSRN: it lacks conv0, block*.denselayer* or recon.")
    found = {
        "blocks": max(block for block, _ in units) + 1,
        "units": max(unit for _, unit in units),
        "growth": first.shape[0] // 2,
        "stride": [1, 1, 1],
        "planes": 0,
        "skip": False,
    }
    if flaw := catalog.flaw_of_network(found):
        raise CatalogError(f"The checkpoint is not of mDCSRN: it would be a network beyond reason ({flaw}).")
    return found


def _card(  # noqa: PLR0917
    name: str, hyperparameters: dict[str, Any], content: bytes, license_name: str, checkpoint: Path, halo: int
) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"mDCSRN imported from {checkpoint.name}",
        "family": "mdcsrn",
        "version": "1.0",
        "license": license_name,
        "purpose": "A network trained elsewhere; nothing is known here about what it was trained for.",
        "source": ["arXiv:1803.01417"],
        "initial": "cubic",
        "weights": {"sha256": hashlib.sha256(content).hexdigest(), "dtype": "float32"},
        "hyperparameters": hyperparameters,
        "trained_for": [],
        "contrasts": [],
        "tile": {"side": 64, "halo": halo, "multiple": 1, "bytes_per_voxel": 3000},
        "limits": [
            "Trained elsewhere: its quality was not measured here. Run `mrisr evaluate` on your own scans first.",
            "The network expects scans scaled as in its own training; this software scales the 99.9th percentile to 1.",
        ],
    }
