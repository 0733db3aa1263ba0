"""The main job on a real head: `make demo [SCAN=path]`, or `python Testing/demo.py [SCAN [FOLDER]]`.

A good scan is degraded (half the resolution, 2 % noise), loaded into a real MRML scene, enhanced once by the module's own
`Logic.process`, and compared with the original. What it leaves in the folder (`out/`) is printed at the end.
"""

import importlib.util
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

import slicerhost
from mrisr.commands._bars import say
from mrisr.commands._heartbeat import CommandHeartbeat
from mrisr.commands._options import monitor
from mrisr.compute.device import resolve
from mrisr.evaluation.scores import BASELINES, TOLD, Comparison, Row, compare, load_all, markdown_table
from mrisr.image.files import read_volume, stem_of, write_volume
from mrisr.image.metrics import score
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.proposal import gain_on
from mrisr.pipeline.sidecar import write_sidecar
from mrisr.reports.figure import comparison_figure, save

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
PROTOCOL = PROTOCOLS["iso2-noisy"]
MNI152 = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


def the_head(path: Path | None) -> tuple[str, Volume]:
    """The scan at `path`, or the MNI152 head that nilearn carries."""
    if path is not None:
        return stem_of(path), read_volume(path)
    # nilearn itself, with all that it imports, takes longer than reading its file.
    package = importlib.util.find_spec("nilearn")
    if package is None or package.origin is None:
        raise FileNotFoundError("The head comes with nilearn; install it, or name a scan of yours.")
    head = read_volume(Path(package.origin).parent / "datasets" / "data" / MNI152)
    return "mni152", head


def best_model() -> str:
    """The model with the highest measured gain on the protocol, of those for this computer; cubic where none claims it."""
    gains = {"cubic": 0.0}
    device = resolve("auto").device
    for card in catalog.list_models():
        gain = gain_on(card, PROTOCOL.name)
        if gain is not None and card.is_for(device):
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
    result = logic.process(
        nodes["Scan"], model=model, factor=2, acquisition=PROTOCOL.name, monitor=monitor("bar")
    )
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
        f"{name}: {' x '.join(map(str, head.shape))} voxels. Degraded by {PROTOCOL.name} ({PROTOCOL.summary}), enhanced by {model}.",
        flush=True,
    )
    reference = prepare_reference(head)
    scan = PROTOCOL.simulate(reference)
    enhanced, record = enhance_in_scene(scan, reference, model, out / "scene.mrb")
    write_volume(enhanced, out / "enhanced.nii.gz")
    write_sidecar(out / "enhanced.nii.gz", record)
    comparison = compare(name, head, PROTOCOL, load_all([]), acquisition=TOLD, monitor=monitor("bar"))
    _add(model, enhanced, record, comparison)
    save(comparison_figure(comparison, list(dict.fromkeys(["cubic", model]))), out / "comparison.png")
    _write_scores(comparison.rows, out)
    seconds = record["seconds"]
    everything = time.perf_counter() - started
    print(
        f"\nDevice: {compute.device} ({compute.name}), {compute.precision}. The model took {seconds:.1f} s of {everything:.0f} s."
    )
    print(f"Look in {out} at comparison.png, scores.md and enhanced.nii.gz, and open scene.mrb in Slicer.")


def _add(model: str, enhanced: Volume, record: dict[str, object], comparison: Comparison) -> None:
    """Score what Slicer's logic made beside the baselines, voxel by voxel: it must lie on the reference's grid.

    An odd length is rounded up when it is halved and doubled, and the voxel beyond the end is left out.
    """
    reference = comparison.reference
    beyond = [n - m for n, m in zip(enhanced.shape, reference.shape, strict=True)]
    if not set(beyond) <= {0, 1} or not np.allclose(enhanced.affine, reference.affine, atol=1e-4):
        raise RuntimeError("The volume from Slicer does not lie on the reference's grid.")
    result = enhanced.cropped((0, 0, 0), reference.shape)
    comparison.restored[model] = result
    row = replace(
        comparison.rows[0],
        model=model,
        **asdict(score(reference.array, result.array)),
        seconds=record["seconds"],
        megavoxels=enhanced.array.size / 1e6,
        peak_memory_mb=None,
        device=record["device"],
        precision=record["precision"],
    )
    comparison.rows[:] = [*(other for other in comparison.rows if other.model != model), row]


def _write_scores(rows: list[Row], out: Path) -> None:
    table = markdown_table(rows)
    heading = f"Protocol {PROTOCOL.name}; baselines {', '.join(BASELINES)} in the same run."
    (out / "scores.md").write_text(f"{heading}\n\n{table}\n", encoding="utf-8")
    (out / "scores.json").write_text(
        json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8"
    )
    print("\n" + table)


if __name__ == "__main__":
    with CommandHeartbeat("demo", say):
        main([argument for argument in sys.argv[1:] if argument])
