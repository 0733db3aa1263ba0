"""Tiles never show: whatever the windows, every packaged network gives the same, at the field's border as within."""

import numpy as np
import pytest

from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.catalog import load_model
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

NETWORKS = sorted(
    card.name for card in catalog.list_models() if card.tile and card.family != "gradient-filters"
)
SHAPE = (72, 16, 24)


def tissue(shape=SHAPE):
    """Folded sheets and noise, tissue at all six faces; in [0, 1]."""
    i, j, k = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    sheets = np.sin(i / 3 + np.sin(j / 5)) * np.cos(k / 4 + j / 7)
    noise = np.random.default_rng(0).standard_normal(shape)
    return np.clip(0.55 + 0.3 * sheets + 0.05 * noise, 0.1, 1).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_windows_of_any_size_agree_everywhere(name):
    model = load_model(name)
    protocol = PROTOCOLS[model.card.quality[0]["protocol"]]
    reference = Volume(tissue(), np.eye(4))
    scan = protocol.simulate(reference, axis=0 if protocol.axes == "one" else None)
    acquisition = protocol.acquisition(
        protocol.affected(reference.orientation, 0 if protocol.axes == "one" else None)
    )

    def result(side):
        settings = Settings(
            target=reference.grid,
            acquisition=acquisition,
            device="cpu",
            precision="fp32",
            tile=side,
            steps=1,
            consistency=0,
        )
        return enhance(scan, settings, model=model).volume.array

    whole = result(320)
    difference = np.abs(result(32) - whole).max() / np.abs(whole).max()
    assert difference <= 1e-3
