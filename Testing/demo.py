"""The main job on a real head: `make demo [SCAN=path]`, or `python Testing/demo.py [SCAN [FOLDER]]`.

A good scan is degraded (half the resolution, 2 % noise), loaded into a real MRML scene, enhanced by the module's own
`Logic.process`, and compared with the original. What it leaves in the folder (`out/`) is printed at the end.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

import slicerhost
from mrisr.compute.device import resolve
from mrisr.evaluation.scores import BASELINES, TOLD, Comparison, Row, compare, load_all, markdown_table
from mrisr.image.files import read_volume, stem_of, write_volume
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.proposal import gain_on
from mrisr.pipeline.provenance import write_sidecar
from mrisr.reports.figure import comparison_figure, save

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
PROTOCOL = PROTOCOLS["iso2-noisy"]
SAME = 0.005


def the_head(path: Path | None) -> tuple[str, Volume]:
    """The scan at `path`, or the MNI152 head that nilearn carries."""
    if path is not None:
        return stem_of(path), read_volume(path)
    from nilearn.datasets import load_mni152_template

    image = load_mni152_template(resolution=1)
    return "mni152", Volume(image.get_fdata(dtype=np.float32), np.asarray(image.affine))


def best_model() -> str:
    """The model with the highest measured gain on the protocol; cubic where none claims it."""
    gains = {"cubic": 0.0}
    for card in catalog.list_models():
        gain = gain_on(card, PROTOCOL.name)
        if gain is not None:
            gains[card.name] = gain
    return max(gains, key=gains.__getitem__)


def enhance_in_scene(
    scan: Volume, reference: Volume, model: str, scene: Path
) -> tuple[Volume, dict[str, object]]:
    """Load the scan into a real MRML scene, run the module's logic, save all to `scene`; the result and its record."""
    host = slicerhost.start()
    host.stopAtExit()
    host.loadModule(ROOT / "MRISuperResolution" / "MRISuperResolution.py")
    import slicer

    from MRISuperResolution import MRISuperResolutionLogic
    from MRISuperResolutionLib.Scene import VolumeBridge

    nodes = {}
    for name, volume in (("Scan", scan), ("Reference", reference)):
        nodes[name] = VolumeBridge.addNode(name)
        VolumeBridge.updateNode(nodes[name], volume)
    logic = MRISuperResolutionLogic()
    result = logic.process(nodes["Scan"], model=model, factor=2, acquisition=PROTOCOL.name)
    scene.unlink(missing_ok=True)
    if not slicer.mrmlScene.WriteToMRB(str(scene.resolve()), None):
        raise RuntimeError(f"The scene could not be written to {scene}.")
    return VolumeBridge.volumeFromNode(result), logic.provenance(result)


def main(argv: list[str]) -> None:
    """Run the demonstration."""
    started = time.perf_counter()
    name, head = the_head(Path(argv[0]) if argv else None)
    out = Path(argv[1]) if len(argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    model = best_model()
    compute = resolve()
    print(
        f"{name}: {' x '.join(map(str, head.shape))} voxels. Degraded by {PROTOCOL.name} ({PROTOCOL.summary}), enhanced by {model}."
    )
    reference = prepare_reference(head)
    scan = PROTOCOL.simulate(reference)
    enhanced, record = enhance_in_scene(scan, reference, model, out / "scene.mrb")
    write_volume(enhanced, out / "enhanced.nii.gz")
    write_sidecar(out / "enhanced.nii.gz", record)
    comparison = compare(name, head, PROTOCOL, load_all([model]), acquisition=TOLD)
    _same(enhanced, comparison, model)
    save(comparison_figure(comparison, list(dict.fromkeys(["cubic", model]))), out / "comparison.png")
    _write_scores(comparison.rows, out)
    seconds = next(row.seconds for row in comparison.rows if row.model == model)
    everything = time.perf_counter() - started
    print(
        f"\nDevice: {compute.device} ({compute.name}), {compute.precision}. The model took {seconds:.1f} s of {everything:.0f} s."
    )
    print(f"Look in {out} at comparison.png, scores.md and enhanced.nii.gz, and open scene.mrb in Slicer.")


def _same(enhanced: Volume, comparison: Comparison, model: str) -> None:
    """What Slicer's logic made must be what is scored, in the same place.

    An odd length is rounded up when it is halved and doubled, so that the two are tiled differently; in bf16 that shows.
    """
    expected = comparison.restored[model]
    inside = tuple(slice(4, n - 4) for n in expected.shape)
    difference = np.sqrt(np.mean((enhanced.array[inside] - expected.array[inside]) ** 2))
    if not np.allclose(enhanced.affine, expected.affine, atol=1e-4) or difference > SAME:
        raise RuntimeError(
            f"The volume from Slicer differs from the one that is scored (root mean square {difference:.4f})."
        )


def _write_scores(rows: list[Row], out: Path) -> None:
    table = markdown_table(rows)
    heading = f"Protocol {PROTOCOL.name}; baselines {', '.join(BASELINES)} in the same run."
    (out / "scores.md").write_text(f"{heading}\n\n{table}\n", encoding="utf-8")
    (out / "scores.json").write_text(
        json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8"
    )
    print("\n" + table)


if __name__ == "__main__":
    main([argument for argument in sys.argv[1:] if argument])
