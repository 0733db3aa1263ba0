"""Files that are broken, or made to break what reads them: a sentence comes of each, and the rest goes on."""

import gzip
import json
import multiprocessing
import os
import struct
import sys
import time

import jsonschema
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from engine import fuzz
from engine.conftest import oblique_affine, phantom
from engine.trust_dicom import write_series
from mrisr import read_volume, write_volume
from mrisr.cli import main
from mrisr.errors import CatalogError, FileError, InputError, MrisrError
from mrisr.families.mdcsrn.checkpoints import import_mdcsrn
from mrisr.image import announced, apart
from mrisr.image.volume import Volume
from mrisr.jobs import batch
from mrisr.models import catalog
from mrisr.models.card import PACKAGED, SCHEMA, Card
from mrisr.models.schema import flaw_of, schema_in
from mrisr.pipeline.settings import Settings

NAMES = ("cubic", "edsr3d-thick", "ddpm-iso2", "gradient-filters-blur", "mdcsrn-kspace")
CARDS = [json.loads((PACKAGED / name / "card.json").read_text()) for name in NAMES]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_five_hundred_broken_files_give_nothing_but_the_projects_errors(tmp_path):
    """In a fork of this process, which has imported torch already."""
    child = multiprocessing.get_context("fork").Process(target=fuzzed, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == 0, (tmp_path / "found").read_text()
    assert (tmp_path / "fuzz" / "number").read_text() == "499"


def fuzzed(folder):
    (folder / "fuzz").mkdir()
    found = fuzz.run(500, "test", folder / "fuzz")
    (folder / "found").write_text("\n".join(f"{name}: {what}" for name, what in found.items()))
    sys.exit(bool(found))


@pytest.mark.parametrize("name", ["big.nii", "big.nii.gz", "big.mgz", "big.nrrd", "big.mha"])
def test_small_files_that_announce_gigabytes_are_refused_at_once(tmp_path, name):
    path = tmp_path / name
    write_volume(phantom((4, 4, 4)), tmp_path / "small.nii")
    header = bytearray((tmp_path / "small.nii").read_bytes())
    struct.pack_into("<8h", header, 40, 3, 1200, 1200, 1200, 1, 1, 1, 1)
    if name.endswith(".nii"):
        path.write_bytes(header)
    elif name.endswith("z"):
        mgh = struct.pack(">7i", 1, 1200, 1200, 1200, 1, 3, 0) + bytes(256)
        path.write_bytes(gzip.compress(bytes(header) if "nii" in name else mgh))
    else:
        write_volume(phantom((4, 4, 4)), path)
        content = path.read_bytes().replace(b"4 4 4\n", b"1200 1200 1200\n", 1)
        path.write_bytes(content)
    started = time.process_time()
    with pytest.raises(FileError, match=r"announces 6\.91 GB of voxels and the file holds"):
        read_volume(path)
    assert time.process_time() - started < 2


def packed_dicom(folder, syntax, side):
    """One slice of 3 kB that announces so many rows and columns, compressed."""
    write_series(phantom((12, 10, 1)), folder)
    path = folder / "000.dcm"
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate([bytes(2500)])
    file["PixelData"].is_undefined_length = True
    file.Rows = file.Columns = side
    file.save_as(path)
    return path


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1, JPEGBaseline8Bit]
)
def test_compressed_dicom_that_announces_gigabytes_is_refused_at_once(tmp_path, syntax):
    path = packed_dicom(tmp_path, syntax, 30000)
    started = time.process_time()
    with pytest.raises(FileError, match=r"announces 1\.8 GB of voxels and the file holds"):
        read_volume(path)
    assert time.process_time() - started < 2


def test_dicom_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    packed_dicom(tmp_path / "packed", JPEG2000Lossless, 1000)
    write_series(phantom((12, 10, 20)), tmp_path / "plain")
    monkeypatch.setattr(announced, "free_memory", lambda: 9_000)
    for name, size in (("packed", "2 MB"), ("plain", "4.8 kB")):
        with pytest.raises(
            InputError, match=rf"{size} of voxels, which do not fit into the free memory \(9 kB\)"
        ):
            read_volume(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices with names are POSIX's")
@pytest.mark.parametrize("name", ["a.nii", "a.mha", "a.dcm", "a.mgz", "folder"])
def test_pipes_and_devices_are_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(FileError, match="device or a pipe"):
        read_volume(tmp_path / name)
    (tmp_path / "link.nii").symlink_to("/dev/zero")
    with pytest.raises(FileError, match="device or a pipe"):
        read_volume(tmp_path / "link.nii")
    write_series(phantom((12, 10, 3)), tmp_path / "series")
    os.mkfifo(tmp_path / "series" / name)
    assert read_volume(tmp_path / "series").shape == (12, 10, 3)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz"])
def test_a_wrong_checksum_is_told_and_what_lies_behind_the_end_is_not(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_volume(phantom((8, 7, 6)), path)
    content = path.read_bytes()
    path.write_bytes(content + b"left over" * 9)
    assert read_volume(path).notes == ()
    path.write_bytes(content[:-8] + b"1234" + content[-4:])
    assert "does not have the checksum" in read_volume(path).notes[0]


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    write_volume(phantom((20, 20, 20)), tmp_path / "scan.nii")
    monkeypatch.setattr(announced, "free_memory", lambda: 40_000)
    with pytest.raises(InputError, match=r"32 kB of voxels, which do not fit into the free memory \(40 kB\)"):
        read_volume(tmp_path / "scan.nii")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("a.mha", b"NDims = 3", b"NDims = 999999", "announces 999999 dimensions"),
        ("a.mha", b"NDims = 3", b"NDims = -1", "'-1' is no number"),
        ("a.mha", b"Offset = ", b"Offset = 1 2 ", "offset has not 3 numbers"),
        ("a.mha", b"TransformMatrix", b"X" * 70000 + b" = 1\nTransformMatrix", "a line of it has 700"),
        ("a.mha", b"MET_FLOAT", b"MET_STRING", "of the type STRING"),
        ("a.mha", b"ElementDataFile = LOCAL", b"", "where its voxels are"),
        (
            "a.mha",
            b"ElementDataFile = LOCAL",
            b"ElementDataFile = other.raw",
            "in other.raw, which is missing",
        ),
        ("a.nrrd", b"dimension: 3", b"dimension: 77777", "announces 77777 dimensions"),
        ("a.nrrd", b"sizes: 4 4 4", b"sizes: 4 4 4 4 4", "5 sizes for 3 dimensions"),
        ("a.nrrd", b"encoding:", b"y" * 5000 + b": z\nencoding:", "a line of it has 500"),
        ("a.nrrd", b"encoding:", b"Name = unknown\nencoding:", "is no entry"),
    ],
)
def test_headers_that_would_kill_their_reader_are_refused_first(tmp_path, name, old, new, words):
    write_volume(phantom((4, 4, 4)), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert old in content
    (tmp_path / name).write_bytes(content.replace(old, new, 1))
    with pytest.raises(FileError, match=words):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.float64])
def test_sound_headers_of_every_type_pass(tmp_path, name, dtype):
    array = np.random.default_rng(0).integers(0, 200, (3, 4, 5)).astype(dtype)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / name), useCompression=dtype == np.int16)
    np.testing.assert_array_equal(read_volume(tmp_path / name).array, array.transpose())


def test_a_batch_survives_a_reader_that_dies(tmp_path, monkeypatch):
    for name in ("a.mha", "b.mha", "c.mha"):
        write_volume(phantom((8, 8, 4)), tmp_path / name)
    program = apart.sys.executable
    dying = tmp_path / "python"
    dying.write_text(f'#!/bin/sh\ncase "$3" in *b.mha) kill -SEGV $$;; esac\nexec {program} "$@"\n')
    dying.chmod(0o755)
    monkeypatch.setattr(apart.sys, "executable", str(dying))
    inputs = tuple(tmp_path / name for name in ("a.mha", "b.mha", "c.mha"))
    outputs = tuple(tmp_path / f"{path.stem}.nii" for path in inputs)
    done = batch.run(batch.Request(inputs, outputs, Settings(model="linear")))
    assert [outcome.state for outcome in done.outcomes] == ["enhanced", "failed", "enhanced"]
    assert "b.mha cannot be read: its reader died of it" in done.outcomes[1].message


def test_a_scan_read_apart_is_the_same_and_so_are_refusals(tmp_path):
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), oblique_affine())
    write_volume(volume, tmp_path / "a.mha", np.int16)
    found = apart.read_apart(tmp_path / "a.mha")
    np.testing.assert_array_equal(found.array, volume.array)
    np.testing.assert_allclose(found.affine, volume.affine, atol=1e-6)
    (tmp_path / "b.mha").write_text("NDims = 99\nElementDataFile = LOCAL\n")
    with pytest.raises(FileError, match="announces 99 dimensions"):
        apart.read_apart(tmp_path / "b.mha")


def _shelf(tmp_path, monkeypatch, text):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "card.json").write_text(text)
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path))


GOOD = dict(CARDS[1], name="bad")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({**GOOD, "trained_for": [{"refined_axes": [1], "factor": []}]}), "it has 0 entries"),
        (json.dumps({**GOOD, "speed": {"cuda": 3}}), "speed.cuda: 3 is no object"),
        (json.dumps({**GOOD, "quality": [{}]}), "protocol is missing"),
        (json.dumps({**GOOD, "hyperparameters": {"width": 10**9}}), "is more than 1024"),
        (json.dumps({**GOOD, "hyperparameters": {"mean": {"blocks": "6"}}}), "'6' is no integer"),
        (json.dumps([GOOD]), "is no object"),
        ("[" * 100_000, "recursion"),
        ('{"a":' * 100_000, "recursion"),
        (json.dumps({**GOOD, "tile": {"side": float("nan")}}), "nan is no integer"),
        ("9" * 5000, "is broken"),
    ],
)
def test_one_bad_card_is_named_and_breaks_nothing_else(tmp_path, monkeypatch, capsys, text, words):
    _shelf(tmp_path, monkeypatch, text)
    for command in (["models"], ["models", "--markdown"], ["models", "--json"]):
        assert main(command) == 2
        told = capsys.readouterr()
        assert "edsr3d-thick" in told.out
        assert f"{tmp_path}/bad/card.json is broken" in told.err
        assert words in told.err
    assert "cubic" in {card.name for card in catalog.list_models(lambda _error: None)}


def test_a_card_of_another_version_is_read(tmp_path, monkeypatch):
    _shelf(tmp_path, monkeypatch, json.dumps({**GOOD, "news": 1}))
    assert Card.read(tmp_path / "bad").title == GOOD["title"]
    with pytest.raises(CatalogError, match="nobody knows the entry news"):
        catalog.check(Card.read(tmp_path / "bad"))


ODD = st.sampled_from([None, True, -1, 0, 1, 10**6, 1.0, 0.5, "", "odd", [], {}])
VALIDATOR = jsonschema.Draft202012Validator(schema_in(SCHEMA))


def _places(value, path=()):
    """The way to each entry of a card, of lists to the first two."""
    if path:
        yield path
    items = (
        value.items() if isinstance(value, dict) else enumerate(value[:2] if isinstance(value, list) else ())
    )
    for key, item in items:
        yield from _places(item, (*path, key))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), odd=ODD)
def test_cards_are_judged_as_by_json_schema(data, odd):
    card = json.loads(json.dumps(data.draw(st.sampled_from(CARDS))))
    card.get("training", {}).pop("histograms", None)
    *path, last = data.draw(st.sampled_from(list(_places(card))))
    place = card
    for key in path:
        place = place[key]
    if data.draw(st.booleans()):
        place[last] = odd
    else:
        del place[last]
    assert (flaw_of(card, schema_in(SCHEMA)) is None) == VALIDATOR.is_valid(card)


@pytest.mark.parametrize(
    "state",
    [
        {1: torch.ones(1)},
        {
            "conv0.weight": torch.ones(()),
            "recon.weight": torch.ones(1),
            "block0.denselayer0.conv.weight": torch.ones(1),
        },
        {
            "conv0.weight": torch.ones(32, 1, 3, 3, 3),
            "recon.weight": torch.ones(1),
            "block99999999.denselayer99999999.conv.weight": torch.ones(1),
        },
        {"conv0.weight": "text"},
        [torch.ones(2)],
        torch.ones(2),
    ],
)
def test_foreign_checkpoints_of_other_networks_are_sentences(tmp_path, state):
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(MrisrError, match="checkpoint"):
        import_mdcsrn(tmp_path / "c.pt", "foreign", tmp_path / "foreign")
    assert not (tmp_path / "foreign").exists()
