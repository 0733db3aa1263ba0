import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize
from PIL import Image

from engine.conftest import oblique_affine
from engine.test_worker import do
from engine.trust_scans import head
from mrisr.cli import main
from mrisr.evaluation.trial import try_on
from mrisr.image.files import write_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.provenance import STATEMENT
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.sidecar import write_sidecar
from mrisr.reports.colors import table
from mrisr.reports.cut import SIDES, Cut, spoken_place
from mrisr.reports.figure import PLANES, slice_of
from mrisr.reports.opening import WORDS
from mrisr.reports.pictures import Window, picture
from mrisr.reports.report import Maps, acquisition_of, write_report
from mrisr.reports.zoom import place_of

PAIR, ZOOM = 2, 5
"""Pictures of each plane, and of the place that is seen from near."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def made():
    scan = Volume(head((32, 36, 30)).array, oblique_affine((1.2, 1.2, 2.4)))
    return scan, enhance(
        scan, Settings(model="lanczos", target=Target.isotropic(), residual=True, samples=2, consistency=4)
    )


def spread_of(result):
    """Something to be unsure of, which interpolation is not."""
    return result.volume.with_array(np.abs(result.volume.array) / 50 + np.float32(1))


@pytest.fixture
def page(made, tmp_path):
    scan, result = made
    rows = [vars(row) for row in try_on(scan, [], Settings(target=Target.factor(2))).rows]
    path = tmp_path / "report.html"
    record = {**result.provenance, "input": "Doe^Jane.nii.gz"}
    maps = Maps(result.residual, spread_of(result), result.volume)
    write_report(path, scan, result.volume, record, maps=maps, rows=rows, name="Doe^Jane.nii.gz")
    return path


def test_the_page_holds_everything_and_needs_nothing_else(page, made):
    text = page.read_text(encoding="utf-8")
    record = made[1].provenance
    for words in (
        STATEMENT,
        record["trust"]["sentence"],
        "lanczos",
        "SHA-256",
        "Model card",
        "Models compared",
        "@media print",
    ):
        assert words in text
    assert (
        len(re.findall(r'<img alt="[^"]+" style="[^"]+" src="data:image/png;base64,', text))
        == 3 * (PAIR + 3) + ZOOM
    )
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", text)]
    assert all(data.startswith(b"\x89PNG") for data in pictures)
    assert len(set(pictures)) == len(pictures)
    assert "http" not in re.sub(r"https?://\S*doi\S*", "", text).replace("http-equiv", "")


def test_no_name_unless_asked(page, made, tmp_path):
    assert "Doe^Jane" not in page.read_text(encoding="utf-8")
    assert ".nii" not in page.read_text(encoding="utf-8")
    named = tmp_path / "named.html"
    record = {**made[1].provenance, "input": "x.nii.gz"}
    write_report(named, made[0], made[1].volume, record, patient="Doe <Jane>", name="x.nii.gz")
    text = named.read_text(encoding="utf-8")
    assert "Doe &lt;Jane&gt;" in text
    assert "x.nii.gz" in text


def test_the_residual_and_the_verdict_are_made_up_for_if_missing(made, tmp_path):
    scan, result = made
    record = {key: value for key, value in result.provenance.items() if key != "trust"}
    path = tmp_path / "bare.html"
    write_report(path, scan, result.volume, record)
    text = path.read_text(encoding="utf-8")
    assert text.count("<img") == 3 * (PAIR + 1) + ZOOM
    assert f'class="verdict {result.provenance["trust"]["color"]}"' in text
    assert acquisition_of(json.loads(json.dumps(record))) is not None
    write_report(path, scan, result.volume)  # a result of another tool: no record at all
    assert path.read_text(encoding="utf-8").count("<img") == 3 * PAIR + ZOOM


def test_what_was_not_measured_is_a_dash_in_the_table(made, tmp_path):
    scan, result = made
    rows = [vars(row) for row in try_on(scan, [], Settings(target=Target.factor(2))).rows]
    rows[0]["peak_memory_mb"] = None
    del rows[1]["peak_memory_mb"]
    write_report(tmp_path / "a.html", scan, result.volume, rows=rows)
    table = re.search(
        r"Models compared</h2><table>(.*?)</table>", (tmp_path / "a.html").read_text(encoding="utf-8")
    )[1]
    memory = [re.findall(r'<td class="number">([^<]*)</td>', line)[-1] for line in table.split("<tr")[2:]]
    assert memory[:2] == ["–", "–"]
    assert float(memory[2]) >= 0


@pytest.mark.parametrize("colors", ["gray", "berlin", "magma"])
def test_a_picture_has_matplotlibs_colors(made, colors):
    pixels, (low, high) = slice_of(made[1].volume, "coronal")[0], (50.0, 700.0)
    shown = pixels_of(picture(pixels, Window(low, high, colors)))
    expected = colormaps[colors](Normalize(low, high)(pixels), bytes=True)[..., :3]
    assert np.abs(shown.astype(int) - expected).max() <= 2


def pixels_of(url):
    """(rows, columns, 3) the colors of a picture in a page."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def test_a_slice_through_the_middle_is_that_of_the_figures(made):
    volume = made[1].volume
    for plane in PLANES:
        normal = next(a for a in range(3) if volume.orientation[a] in ("RL", "AP", "SI")[PLANES.index(plane)])
        index = [n // 2 for n in volume.shape]
        if volume.orientation[normal] != "LPS"[PLANES.index(plane)]:
            index[normal] = volume.shape[normal] - 1 - index[normal]
        cut = Cut.through(volume.grid, plane, (volume.affine @ np.array([*index, 1.0]))[:3])
        pixels, tall = slice_of(volume, plane)
        np.testing.assert_allclose(cut.of(volume), pixels, rtol=1e-6)
        assert cut.aspect == pytest.approx(pixels.shape[1] / (pixels.shape[0] * tall))


def test_scan_and_result_are_shown_at_the_same_places(made):
    scan, result = made[0], made[1].volume
    i, j, k = 17, 12, 21
    place = (scan.affine @ np.array([i, j, k, 1.0]))[:3]
    marked = scan.with_array(np.zeros(scan.shape, np.float32))
    marked.array[i, j, k] = 1
    for plane in PLANES:
        cut = Cut.through(result.grid, plane, place)
        shown = cut.of(marked) > 0
        assert shown.any()
        there = cut.places[shown].mean(axis=0)
        normal = PLANES.index(plane)
        away = np.linalg.norm(np.delete(there - place, normal))
        assert away <= max(result.spacing), "the voxel is seen where it was measured"
        letters = dict(zip(("left", "right", "top", "bottom"), SIDES[plane], strict=True))
        ends = cut.places[0, 0] - cut.places[-1, -1]
        for side, letter in letters.items():
            axis = next(a for a in range(3) if letter in ("RL", "AP", "SI")[a])
            sign = 1 if letter in "RAS" else -1
            assert sign * ends[axis] * (1 if side in ("left", "top") else -1) > 0
        near = cut.around(place, 12)
        top, left, *_ = cut.box(place, 12)
        np.testing.assert_array_equal(
            near.of(scan), cut.of(scan)[top : top + near.places.shape[0], left : left + near.places.shape[1]]
        )
        assert near.of(marked).any()


def test_what_was_done_stands_first_and_the_verdict_next(page, made):
    text = page.read_text(encoding="utf-8")
    record = made[1].provenance
    body = text.partition("<body>")[2].strip()
    first = re.match(r"<h1>(.*?)</h1>\s*<div class=\"verdict (\w+)\">(.*?)</div>", body, re.DOTALL)
    assert first, body[:300]
    assert "Axial scan enhanced from 1.2 × 1.2 × 2.4 to 1.2 × 1.2 × 1.2 mm voxels" in first[1]
    assert "“Interpolation – Lanczos” (lanczos)" in first[1]
    assert "trained model" not in first[1]
    day = record["created"][:10].split("-")
    assert f"{int(day[2])} " in first[1]
    assert day[0] in first[1]
    assert first[2] == record["trust"]["color"]
    assert first[3].index(WORDS[first[2]]) < first[3].index(record["trust"]["sentence"])
    assert "cannot see" in first[3]
    assert "<script" not in text
    folded = re.findall(r"<details><summary>(.*?)</summary>", text)
    assert [each.partition(":")[0].partition(",")[0] for each in folded] == [
        "How the verdict was found",
        "Model and settings",
        "Scan and result",
        "Model card",
    ]
    assert "<details open" not in text


def test_every_map_has_its_colors_and_its_real_range(page, made):
    text, (scan, result) = page.read_text(encoding="utf-8"), made
    legends = {
        name: (float(low), float(high), ends)
        for low, high, name, ends in re.findall(
            r'data-low="([^"]+)" data-high="([^"]+)"><defs><linearGradient id="colors-(\w+)">.*?<div class="ends">(.*?)</div>',
            text,
        )
    }
    assert set(legends) == {"difference", "residual", "spread", "error"}
    brightness = float(np.percentile(scan.array, 99.9) - scan.array.min())
    assert legends["residual"][1] == pytest.approx(4 * result.provenance["trust"]["tolerance"], rel=1e-4)
    assert legends["spread"][1] == pytest.approx(np.percentile(spread_of(result).array, 99.9), rel=1e-4)
    assert legends["error"][1] == pytest.approx(0.2 * brightness, rel=0.02)
    for name, (low, high, ends) in legends.items():
        numbers = [float(n.replace("−", "-")) for n in re.findall(r"<span>([−+]?[\d.e+]+)", ends)]
        assert numbers[0] == pytest.approx(low, rel=5e-3), name
        assert numbers[-1] == pytest.approx(high, rel=5e-3), name
        assert low == (0 if name == "spread" else -high)
    for map_, volume in (
        ("residual", result.residual),
        ("spread", spread_of(result)),
        ("error", result.volume),
    ):
        told = re.search(rf"colors-{map_}\b.*?it reaches from (\S+) to (\S+);", text, re.DOTALL)
        assert float(told[1]) == pytest.approx(float(volume.array.min()), rel=5e-3, abs=1e-6)
        assert float(told[2]) == pytest.approx(float(volume.array.max()), rel=5e-3)
        # The legend's colors are those that the map's own pixels are drawn in.
        pixel = np.array([[legends[map_][0], legends[map_][1]]])
        name = "magma" if map_ == "spread" else "berlin"
        drawn = pixels_of(picture(pixel, Window(legends[map_][0], legends[map_][1], name)))[0]
        stops = re.search(rf'id="colors-{map_}">(.*?)</linearGradient>', text)[1]
        rgb = [tuple(map(int, each)) for each in re.findall(r"rgb\((\d+),(\d+),(\d+)\)", stops)]
        assert rgb[0] == tuple(drawn[0]) == tuple(table(name)[0])
        assert rgb[-1] == tuple(drawn[1]) == tuple(table(name)[255])


def test_the_zoom_goes_to_the_worst_place_or_to_where_most_was_added():
    base = Volume(np.zeros((30, 30, 30), np.float32), oblique_affine((2.0, 2.0, 2.0)))
    plain = base.with_array(head((30, 30, 30)).array)
    added = base.with_array(np.zeros(base.shape, np.float32))
    added.array[17:20, 12:15, 14:17] = 100
    added.array[1, 1, 1] = 1000  # outside the head
    trust = {"color": "green", "worst": 0.4, "worst_ras": (1.0, -2.0, 3.0), "limits": (2.0, 3.0)}
    found = place_of(plain, added, trust)
    np.testing.assert_allclose(found.ras, (base.affine @ [18, 13, 15, 1])[:3], atol=2.1)
    assert spoken_place(found.ras) in found.told
    assert place_of(plain, added, {**trust, "color": "amber"}).ras == found.ras, "amber for another reason"
    worst = place_of(plain, added, {**trust, "color": "red", "worst": 4.0})
    assert worst.ras == (1.0, -2.0, 3.0)
    assert "R 1, P 2, S 3 mm" in worst.told
    assert "worst" in worst.why


def test_the_map_of_disagreement_is_cut_through_the_worst_place(made, tmp_path):
    scan, result = made
    trust = result.provenance["trust"]
    x, y, z = (float(v) for v in (result.volume.affine @ np.array([8.0, 20.0, 40.0, 1.0]))[:3])
    red = {**trust, "color": "red", "worst": 9.0, "worst_ras": (x, y, z)}
    shown = {}
    for name, verdict in (("red", red), ("green", {**trust, "color": "green"})):
        write_report(tmp_path / "a.html", scan, result.volume, {**result.provenance, "trust": verdict})
        text = (tmp_path / "a.html").read_text(encoding="utf-8")
        shown[name] = set(re.findall(r"Residual, (\w+), at (\w \d+ mm)</figcaption>", text))
        assert ("Seen from near: the worst place" in text) == (name == "red")
    cuts = [Cut.through(result.volume.grid, plane, (x, y, z)) for plane in PLANES]
    assert shown["red"] == {(cut.plane, cut.position) for cut in cuts}
    assert all(np.linalg.norm(cut.places - (x, y, z), axis=-1).min() < 1e-6 for cut in cuts)
    assert len(shown["green"]) == 3
    assert shown["green"] != shown["red"]


def test_names_from_elsewhere_cannot_write_into_the_page(made, tmp_path):
    scan, result = made
    path = tmp_path / "odd.html"
    trust = {**result.provenance["trust"], "sentence": "<i>fine</i>", "explanation": "<u>"}
    record = {
        **result.provenance,
        "model": "<b>mine</b>",
        "warning": "<script>alert(1)</script>",
        "trust": trust,
    }
    rows = [{"model": "<em>", "psnr_mask": 30.0}]
    write_report(
        path, scan, result.volume, record, rows=rows, witness="<s>stack</s>", patient="<img>", name='"><h1>'
    )
    text = path.read_text(encoding="utf-8")
    for tag in ("<i>", "<u>", "<b>mine", "<script", "<em>", "<s>", "<img>", '"><h1>'):
        assert tag not in text
    assert "&lt;b&gt;mine" in text.partition("</h1>")[0]
    assert text.count("<h1>") == 1


def browse(tmp_path, page, *options, **settings):
    """What a browser of a laptop's size prints."""
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1366,768",
            f"--user-data-dir={tmp_path / 'profile'}",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
        **settings,
    ).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_every_picture_whole_and_prints_the_page(page, tmp_path):
    probe = tmp_path / "probe.html"
    script = """<script>addEventListener('load',()=>{const i=[...document.images],d=document.documentElement,
        box=e=>e.getBoundingClientRect(),wide=i.slice(0,2).map(p=>box(p.closest('figure')).width);
        const bent=i.filter(p=>{const b=box(p);return Math.abs(b.width/b.height/parseFloat(p.style.aspectRatio)-1)>0.02});
        const cut=i.filter(p=>{const b=box(p),f=box(p.closest('figure'));
            return b.left<f.left-1||b.right>f.right+1||b.bottom>f.bottom+1||b.height>innerHeight});
        document.body.setAttribute('data-found',JSON.stringify({all:i.length,seen:i.filter(p=>p.naturalWidth>0&&p.clientWidth>20).length,
        bent:bent.length,cut:cut.length,over:d.scrollWidth-innerWidth,
        pair:(wide[0]+wide[1])/document.body.clientWidth,level:box(i[0]).top-box(i[1]).top,verdict:box(document.querySelector('.verdict')).bottom}))})
        </script>"""
    probe.write_text(
        page.read_text(encoding="utf-8").replace("</body>", script + "</body>"), encoding="utf-8"
    )
    shown = re.search(r'data-found="([^"]*)"', browse(tmp_path, probe, "--dump-dom"))[1]
    found = json.loads(shown.replace("&quot;", '"'))
    assert found["all"] == found["seen"] == 3 * (PAIR + 3) + ZOOM
    assert (found["bent"], found["cut"]) == (0, 0), (
        "every picture in its true proportions, whole, no taller than the screen"
    )
    assert found["over"] <= 0
    assert found["pair"] > 0.9, "scan and result fill the page, side by side"
    assert found["level"] == 0
    assert found["verdict"] < 400
    pages = {}
    for name, text in (("whole", page.read_text(encoding="utf-8")), ("without", without_details(page))):
        printed = tmp_path / f"{name}.html"
        printed.write_text(text, encoding="utf-8")
        pdf = tmp_path / f"{name}.pdf"
        browse(tmp_path, printed, f"--print-to-pdf={pdf}")
        content = pdf.read_bytes()
        assert content.startswith(b"%PDF")
        boxes = {tuple(map(float, each.split())) for each in re.findall(rb"/MediaBox \[([^\]]*)\]", content)}
        assert all(box[2:] == pytest.approx((595, 842), abs=2) for box in boxes), "A4"
        pages[name] = len(re.findall(rb"/Type\s*/Page\b", content))
    assert pages["whole"] > pages["without"], "what is folded on the screen is printed"


def without_details(page):
    return re.sub(r"(</summary>).*?(</details>)", r"\1\2", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_command_and_the_worker(made, tmp_path):
    scan, result = made
    paths = {name: tmp_path / f"{name}.nrrd" for name in ("scan", "result", "spread")}
    write_volume(scan, paths["scan"])
    write_volume(result.volume, paths["result"])
    write_volume(result.spread, paths["spread"])
    write_sidecar(paths["result"], result.provenance)
    page = tmp_path / "a.html"
    arguments = [
        "report",
        str(paths["scan"]),
        str(paths["result"]),
        str(page),
        "--spread",
        str(paths["spread"]),
        "--progress",
        "off",
    ]
    assert main(arguments) == 0
    assert page.read_text(encoding="utf-8").count("<img") == 3 * (PAIR + 1) + ZOOM, (
        "a spread of 0 is told, not shown"
    )
    assert "All repeats gave the same result" in page.read_text(encoding="utf-8")
    assert main([*arguments, "--rows", str(tmp_path / "nowhere.json")]) == 2
    other = tmp_path / "b.html"
    code, events = do(
        tmp_path,
        task="report",
        scan=str(paths["scan"]),
        result=str(paths["result"]),
        output=str(other),
        patient="P. Q.",
    )
    assert (code, events[-1]) == (0, {"event": "finished", "output": str(other)})
    assert "P. Q." in other.read_text(encoding="utf-8")
    assert any(e.get("stage") == "report" for e in events)
