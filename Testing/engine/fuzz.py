"""Broken files of every kind that is read, many at a time: `python -m engine.fuzz 5000`.

Each is read in a child process with a limit of time and memory. Only the project's own errors may come of it: no other exception, no
death, no hang, and nothing is written. What goes wrong is printed, and kept.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

SECONDS, BYTES = 10, 8 * 2**30
WORDS = [
    *(
        b"0 -1 3 7 17 255 99999999 4294967297 1e308 nan inf null true [] {} ../x NRRD MET_STRING raw gzip LIST LOCAL"
    ).split(),
    b"9" * 400,
    b"x" * 5000,
    b"1 " * 2000,
    b"[" * 20000,
    b"\x00",
    b"",
    "ä😀".encode(),
]
NUMBER = re.compile(rb"[A-Za-z_.+-]*[0-9.]+|[A-Za-z_]{3,}")


def mutated(content, text, choose):
    """A file with a few mistakes: in a text words replaced and lines doubled, in any file bytes changed, left out or added."""
    content = bytearray(content)
    for _ in range(choose.randint(1, 4)):
        head = min(len(content), 1200) if choose.random() < 0.9 else len(content)
        at, end = sorted(choose.randrange(head + 1) for _ in range(2))
        kind = choose.random()
        if text and kind < 0.6:
            found = list(NUMBER.finditer(content[:4000]))
            if found:
                word = choose.choice(found)
                content[word.start() : word.end()] = choose.choice(WORDS)
        elif kind < 0.8 and at < len(content):
            content[at] = choose.choice([0, 1, 127, 128, 255, choose.randrange(256)])
        elif kind < 0.87:
            content[at : at + 4] = choose.choice(
                [b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\xc0\x7f"]
            )
        elif kind < 0.92:
            del content[at : min(end, at + 40)]
        elif kind < 0.97:
            content[at:at] = choose.choice(WORDS)
        else:
            del content[choose.randrange(len(content) + 1) :]
    return bytes(content)


def originals(folder):
    """A small sound file of each kind, and what reads it: name, content, whether it is a text, reader."""
    import nibabel as nib
    import numpy as np
    import SimpleITK as sitk

    from engine.conftest import oblique_affine, phantom
    from engine.trust_dicom import write_series
    from mrisr.image.volume import Volume

    folder.mkdir()
    array = np.rint(phantom((8, 7, 6)).array).astype(np.int16)
    volume = Volume(array, oblique_affine())
    for name in ("a.nii", "a.nii.gz"):
        nib.save(nib.Nifti1Image(array, volume.affine), folder / name)
    nib.save(nib.Nifti1Pair(array, volume.affine), folder / "p.img")
    for name in ("a.mgh", "a.mgz"):
        nib.save(nib.MGHImage(array, volume.affine), folder / name)
    image = sitk.GetImageFromArray(array)
    for name in ("a.nrrd", "b.nrrd", "a.mha", "b.mha"):
        sitk.WriteImage(image, str(folder / name), useCompression=name[0] == "b")
    write_series(Volume(array[:, :, :1], volume.affine), folder / "series")
    next((folder / "series").iterdir()).rename(folder / "a.dcm")
    binary = ("a.nii", "a.nii.gz", "p.hdr", "a.mgh", "a.mgz", "a.dcm")
    for name in (*binary, "a.nrrd", "b.nrrd", "a.mha", "b.mha"):
        yield name, (folder / name).read_bytes(), name not in binary, read_scan
    yield from written_by_hand()


def written_by_hand():
    """Cards, weights, jobs and configurations."""
    import torch
    from safetensors.torch import save

    from mrisr.jobs import enhancement
    from mrisr.jobs.tasks import written_job
    from mrisr.models.card import PACKAGED
    from mrisr.pipeline.settings import Settings

    for model in ("cubic", "ddpm-iso2", "gradient-filters-blur"):
        yield "card.json", (PACKAGED / model / "card.json").read_bytes(), True, read_card
    yield "weights.safetensors", save({"a.weight": torch.ones(3, 3), "b": torch.zeros(2)}), True, read_weights
    torch.save(
        {"state_dict": {"conv0.weight": torch.ones(2, 1, 3, 3, 3), "recon.weight": torch.ones(1)}}, "c.pt"
    )
    yield "c.pt", Path("c.pt").read_bytes(), False, read_checkpoint
    job = written_job(
        enhancement.Request(Path("scan.nii"), Path("out.nii"), Settings(model="cubic", samples=2))
    )
    yield "job.json", json.dumps(job, indent=1).encode(), True, read_job_file
    recipe = Path(__file__).resolve().parents[2] / "configs" / "own-scans.toml"
    yield "c.toml", recipe.read_bytes(), True, read_configuration


def read_scan(path):
    from mrisr.image.files import read_volume

    if path.suffix == ".hdr":
        shutil.copy(path.parents[1] / "originals" / "p.img", path.with_suffix(".img"))
    read_volume(path.parent if path.suffix == ".dcm" else path)


def read_card(path):
    from mrisr.commands import models
    from mrisr.models import catalog
    from mrisr.models.card import Card

    card = Card.read(path.parent)
    "\n".join([*models._lines(card.readable), *models._entry(card, 100), *models._table([card])])
    card.misfit((2, 2, 2)), card.trained_text(), card.spread_scale
    catalog.check(card)


def read_weights(path):
    import hashlib

    from mrisr.models import catalog
    from mrisr.models.card import Card

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    needed = dict.fromkeys(("name", "title", "family", "version", "purpose", "initial"), "x")
    catalog.load_weights(Card.of({**needed, "weights": {"sha256": digest}}, path.parent))


def read_checkpoint(path):
    from mrisr.families.mdcsrn.checkpoints import infer, read_state

    infer(read_state(path))


def read_job_file(path):
    from mrisr.jobs.tasks import read_job

    read_job(path)


def read_configuration(path):
    from mrisr.training.config import Config
    from mrisr.training.trainers import read_config

    Config.of(read_config(path))


def tried(name, content, reader, folder, seconds=SECONDS):
    """What came of reading a broken file, if it is not as it should be."""
    from mrisr.errors import MrisrError

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(content)
    # Of this process's own time, which other programs do not take.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(12 * seconds)
    problem = ""
    try:
        reader(folder / name)
    except MrisrError as error:
        problem = "" if str(error).strip() else "an error without a sentence"
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"[:300]
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)
    left = {path.name for path in folder.iterdir()} - {name, "p.img"}
    return problem or (f"it wrote {left}" if left else "")


def limit_memory():
    """Bytes that a child may take, on systems that know such a limit."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def run(count, seed, folder):
    """The problems that so many broken files show, by their number."""
    import torch

    torch.set_num_threads(1)
    os.chdir(folder)
    kinds = list(originals(folder / "originals"))
    progress, problems, number = folder / "number", {}, 0
    for name, content, _, reader in kinds:  # imports what they need, once for all children
        assert not (problem := tried(name, content, reader, folder / "tried", SECONDS * 12)), (name, problem)
    while number < count:
        child = os.fork()
        if not child:
            code = 1
            try:
                limit_memory()
                for n in range(number, count):
                    choose = random.Random(f"{seed}.{n}")
                    name, content, text, reader = kinds[n % len(kinds)]
                    progress.write_text(str(n))
                    broken = mutated(content, text, choose)
                    if problem := tried(name, broken, reader, folder / "tried"):
                        (folder / "problem").write_text(problem)
                        break
                else:
                    code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if not status:
            break
        number = int(progress.read_text())
        what = (folder / "problem").read_text() if os.WIFEXITED(status) else f"signal {os.WTERMSIG(status)}"
        name = kinds[number % len(kinds)][0]
        shutil.copy(folder / "tried" / name, folder / f"{number}-{name}")
        print(f"{folder}/{number}-{name}: {what}", flush=True)
        problems[f"{number}-{name}"] = what
        number += 1
    return problems


def main():
    count, seed = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "0"
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    problems = run(count, seed, folder)
    print(f"{count} broken files (seed {seed}): {len(problems)} problems")
    if not problems:
        shutil.rmtree(folder)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
