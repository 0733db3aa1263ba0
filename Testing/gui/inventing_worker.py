"""A worker whose model invents something: it enhances as asked and adds a bright spot to the result.

The spot is a Gaussian of 30 % of the scan's brightness, at ``SPOT`` (RAS, mm, before any parent transform).
"""

import json
import sys
from pathlib import Path

import numpy as np

SPOT = (14.0, -18.0, 12.0)
SIGMA_MM = 4.0


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def withSpot(volume, brightness: float):
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    place = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    distance = ((place - SPOT) ** 2).sum(-1)
    return volume.with_array(
        (volume.array + 0.3 * brightness * np.exp(-distance / (2 * SIGMA_MM**2))).astype(np.float32)
    )


def main(path: str) -> None:
    from mrisr.image.files import read_volume, write_volume
    from mrisr.image.normalization import Normalization
    from mrisr.jobs.tasks import read_job
    from mrisr.physics.acquisition import Acquisition
    from mrisr.pipeline.enhancement import enhance
    from mrisr.pipeline.verification import check_result

    _, request = read_job(Path(path))
    scan = read_volume(request.input)
    result = enhance(scan, request.settings)
    invented = withSpot(result.volume, Normalization.of(scan.array).scale)
    acquisition = Acquisition.of_factor(scan.grid.factor_to(invented.grid))
    residual = acquisition.operator(invented.grid, scan.grid).forward(invented.array) - scan.array
    write_volume(invented, request.output)
    write_volume(scan.with_array(residual.astype(np.float32)), request.residual)
    trust = check_result(invented, scan, acquisition).describe()
    emit(
        "finished",
        output=str(request.output),
        residual=str(request.residual),
        spread=None,
        provenance={**result.provenance, "trust": trust},
    )


if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        if "job" in request:
            emit("started", pid=0, device="cpu", device_name="", model="fake")
            main(request["job"])
