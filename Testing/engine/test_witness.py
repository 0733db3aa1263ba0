"""Another stack of the subject says how much of the added detail is there: measured on results whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from mrisr.cli import main
from mrisr.errors import InputError
from mrisr.fusion.suitability import Scan
from mrisr.fusion.witnessing import witness
from mrisr.image.files import read_volume, write_volume
from mrisr.image.volume import Volume
from mrisr.jobs.tasks import read_job, written_job
from mrisr.jobs.witness import Request
from mrisr.physics.interpolation import interpolate
from mrisr.physics.stacks import STACKS
from mrisr.trust.testimony import Whereabouts, place_in_words, spoken
from mrisr.trust.witness import Evidence, Weighed, weighed

SHAPE = (36, 40, 36)
GOOD = Weighed(0.52, 0.05, 0.8, 0.1, 1.05, 0.01, 0.93, 2.5, 200)
CORONAL = Whereabouts("coronal", converged=True, parallel=False)


def head(seed=0, detail=1.0) -> Volume:
    """An ellipsoid of blobs, edges and texture, in air, on 2 mm voxels; peak about 1."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in SHAPE), indexing="ij"))
    inside = gaussian_filter(((grid**2).sum(axis=0) < 1).astype(np.float32), 0.6)
    blobs = gaussian_filter((gaussian_filter(rng.standard_normal(SHAPE), 3) > 0).astype(np.float32), 0.7)
    texture = gaussian_filter(rng.standard_normal(SHAPE), detail)
    array = inside * (0.45 + 0.3 * blobs + 0.1 * texture / texture.std())
    return Volume(np.clip(array, 0, 1).astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))


class Examined:
    """A scan, the detail that it lacks, and a stack across it whose header is off by so many voxels."""

    def __init__(self, noise=0.0, off=0.0, seed=0) -> None:
        self.truth = head(seed)
        one, other = STACKS["stacks2-thick4"].simulate(self.truth, noise=noise, seed=1)
        affine = other.volume.affine.copy()
        affine[:3, 3] += off * 2.0 / np.sqrt(3)
        self.scan, self.stack = one.volume, Scan("other", Volume(other.volume.array, affine))
        self.plain = interpolate(self.scan.array, self.scan.grid, self.truth.grid)
        self.detail = self.truth.array - self.plain

    def invented(self) -> np.ndarray:
        """As much texture as there is detail, which is nowhere in the head."""
        noise = np.random.default_rng(5).standard_normal(SHAPE)
        made = (gaussian_filter(noise, 0.8) - gaussian_filter(noise, 2)) * (self.truth.array > 0.05)
        return made * self.detail.std() / made.std()

    def asked(self, added, **settings):
        result = self.truth.with_array((self.plain + added).astype(np.float32))
        return witness(result, self.scan, self.stack, device="cpu", **settings)


@pytest.fixture(scope="module")
def still() -> Examined:
    return Examined()


@pytest.mark.parametrize(("noise", "off"), [(0.0, 0.2), (0.02, 0.0), (0.02, 0.2)])
def test_share_of_true_doubled_and_invented_detail(one_thread, noise, off):
    case = Examined(noise, off)
    gains = []
    for added, share in ((case.detail, 1.0), (2 * case.detail, 0.5), (case.invented(), 0.0)):
        said = case.asked(added).testimony
        assert said.tells, said.sentence
        assert said.share == pytest.approx(share, abs=0.1), said.sentence
        gains.append(said.gain_db)
    assert gains[0] > gains[1] + 1 > gains[2] + 2
    assert gains[2] < 0


def test_map_and_sentence_name_the_place_that_the_stack_contradicts(one_thread, still):
    added = still.detail.copy()
    i, j, _ = SHAPE
    added[: i // 2, j // 2 :] *= -1.5  # RAS: the left front
    found = still.asked(added)
    assert 0.02 < found.testimony.contradicted < 0.6
    assert "at the left" in found.testimony.sentence
    assert "it contradicts it" in found.testimony.sentence
    map_ = found.map.array
    assert found.map.shape == still.truth.shape
    assert np.abs(map_).max() <= 1
    wrong, right = map_[4 : i // 2 - 4, j // 2 + 4 : -4], map_[i // 2 + 4 :, : j // 2 - 4]
    assert np.median(wrong[abs(wrong) > 0.1]) < -0.6
    assert np.median(right[abs(right) > 0.1]) > 0.4
    x, y, _ = np.linalg.inv(still.truth.affine)[:3, :3] @ found.testimony.place_ras
    assert x < i / 2
    assert y > j / 2


def test_says_that_it_cannot_tell(one_thread, still):
    parallel = witness(still.truth, still.scan, Scan("same", still.scan), device="cpu").testimony
    assert not parallel.tells
    assert "slices lie as the scan's do" in parallel.sentence
    other = STACKS["stacks2-thick4"].simulate(head(seed=5))[1].volume
    stranger = witness(still.truth, still.scan, Scan("stranger", other), device="cpu")
    assert not stranger.testimony.tells
    assert not stranger.map.array.any()
    seen = still.stack.volume
    inverse = seen.with_array(((seen.array > 0.05) * (1.1 - seen.array)).astype(np.float32))
    negative = witness(still.truth, still.scan, Scan("other contrast", inverse), device="cpu").testimony
    assert not negative.tells
    assert "another contrast" in negative.sentence
    assert "nothing was added" in still.asked(np.zeros_like(still.plain)).testimony.sentence


def test_refusals(still):
    far = still.stack.volume.affine.copy()
    far[:3, 3] += 500
    with pytest.raises(InputError, match="covers only 0 %"):
        witness(still.truth, still.scan, Scan("far", Volume(still.stack.volume.array, far)))
    turned = still.truth.affine[:, [1, 0, 2, 3]]
    with pytest.raises(InputError, match="name the scan that it was made from"):
        witness(Volume(still.truth.array, turned), still.scan, still.stack)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1, 2), st.floats(0.5, 2), st.floats(0, 0.1), st.integers(0, 99))
def test_share_is_that_of_the_mixture_whatever_brightness_and_noise(share, bright, noise, seed):
    rng = np.random.default_rng(seed)
    shape = (24, 24, 24)
    plain, added = gaussian_filter(rng.random((2, *shape), dtype=np.float32), (0, 1, 1, 1))
    added -= added.mean()
    added += 0.3 * (plain - plain.mean())  # sharpening resembles what is sharpened
    measured = (
        bright * (plain + share * added) + 0.05 + noise * bright * rng.standard_normal(shape) * added.std()
    )
    evidence = Evidence(measured.astype(np.float32), plain, added, np.ones(shape, bool), (), (4.0, 4.0, 4.0))
    found = weighed(evidence)
    assert found.share == pytest.approx(share, abs=max(1e-3, 4 * found.error))
    assert found.error < 0.02


def test_error_covers_the_noise():
    """Of shares measured under many noises, the standard deviation is what each says of itself."""
    rng = np.random.default_rng(0)
    shape = (24, 24, 24)
    plain, added = gaussian_filter(rng.random((2, *shape), dtype=np.float32), (0, 1, 1, 1))
    shares, errors = [], []
    for _ in range(40):
        measured = (plain + 0.5 * added + 0.2 * rng.standard_normal(shape)).astype(np.float32)
        found = weighed(Evidence(measured, plain, added, np.ones(shape, bool), (), (4.0, 4.0, 4.0)))
        shares.append(found.share), errors.append(found.error)
    assert np.std(shares) == pytest.approx(np.mean(errors), rel=0.4)
    assert abs(np.mean(shares) - 0.5) < 3 * np.mean(errors) / np.sqrt(40)


def test_a_shift_is_not_charged_to_the_result():
    rng = np.random.default_rng(0)
    plain, added = gaussian_filter(rng.random((2, 32, 32, 32), dtype=np.float32), (0, 1.5, 1.5, 1.5))
    truth = plain + added
    moved = truth + 0.3 * np.gradient(truth, axis=0)
    inside = np.ones(plain.shape, bool)
    bare = Evidence(moved.astype(np.float32), plain, added, inside, (), (4.0, 4.0, 4.0))
    told = replace(bare, nudges=(np.gradient(truth, axis=0).astype(np.float32),))
    assert weighed(told).share == pytest.approx(1, abs=1e-3)
    assert weighed(told).error < weighed(bare).error / 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "confirms about half of the added detail (52 ± 5 %)."),
        ({"share": 0.97}, "confirms all"),
        ({"share": 0.02}, "confirms almost nothing of the added detail (2 ± 5 %): plain"),
        (
            {"share": 0.3},
            "about a third of the added detail (30 ± 5 %): plain interpolation is nearer to it.",
        ),
        ({"share": 1.9}, "shows more of it than was added"),
        ({"error": 0.4}, "cannot tell: its noise leaves the share open (52 ± 40 %)."),
        ({"control": 0.5}, "cannot tell: it does not show what the scan itself measured"),
        ({"blocks": 5}, "cannot tell: it and the scan have too little in common."),
        ({"added_percent": 0.01}, "cannot tell: nothing was added"),
    ],
)
def test_words(change, said):
    assert said in spoken(replace(GOOD, **change), CORONAL).sentence


def test_what_is_not_known_of_the_stack_widens_the_error():
    found = spoken(GOOD, replace(CORONAL, acquisition_error=0.12))
    assert found.error == pytest.approx(0.13)
    assert not spoken(GOOD, replace(CORONAL, acquisition_error=0.3)).tells
    assert "could not be placed" in spoken(GOOD, replace(CORONAL, converged=False)).sentence


def test_places_in_words():
    size = (140, 180, 160)
    assert place_in_words((-40, 50, 2), size) == "at the left front"
    assert place_in_words((40, 0, -60), size) == "at the right of the lower part"
    assert place_in_words((0, 10, 60), size) == "in the upper part"
    assert place_in_words((1, 1, 1), size) == "in the middle"


def test_command_writes_map_and_numbers(one_thread, still, tmp_path, capsys):
    names = {"result": still.truth, "scan": still.scan, "stack": still.stack.volume}
    paths = {name: tmp_path / f"{name}.nii.gz" for name in names}
    for name, volume in names.items():
        write_volume(volume, paths[name])
    arguments = ["witness", *map(str, paths.values()), "--acquisition", "thick4", "--device", "cpu"]
    assert (
        main([*arguments, "--map", str(tmp_path / "map.nii.gz"), "--output", str(tmp_path / "said.json")])
        == 0
    )
    assert "stack confirms all of the added detail" in capsys.readouterr().out
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["testimony"]["share"] == pytest.approx(1, abs=0.1)
    assert read_volume(tmp_path / "map.nii.gz").shape == still.truth.shape
    assert main([*arguments, "--map", str(paths["scan"])]) == 2
    page = tmp_path / "page.html"
    asked = ["report", str(paths["scan"]), str(paths["result"]), str(page), "--no-record"]
    assert main([*asked, "--witness", str(tmp_path / "said.json")]) == 0
    assert said["testimony"]["sentence"].split(" (")[0] in page.read_text(encoding="utf-8")
    assert main([*asked, "--witness", str(page)]) == 2


def test_a_job_travels_as_json(tmp_path):
    request = Request(tmp_path / "a", tmp_path / "b", tmp_path / "c", name="coronal", subjects=("x", "x"))
    (tmp_path / "job.json").write_text(json.dumps(written_job(request)))
    assert read_job(tmp_path / "job.json")[1] == request
