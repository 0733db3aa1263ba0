"""Several scans at once: what workers get, what they bring back, and what becomes of those that fail, die or are stopped."""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine import cluster_work
from engine.bids_dataset import write_scan
from engine.conftest import phantom
from mrisr.cli import parser
from mrisr.cluster import crew as crews
from mrisr.cluster import workers as sizes
from mrisr.cluster.crew import Alone, Dask, crew_of
from mrisr.cluster.local import local_client
from mrisr.cluster.on_worker import stop
from mrisr.cluster.outcome import Failed
from mrisr.cluster.workers import Share, Workers, share_of
from mrisr.commands import _workers
from mrisr.errors import Cancelled, ConfigError, InputError
from mrisr.image.files import read_volume, write_volume
from mrisr.jobs import batch, bids
from mrisr.models.catalog import find, load_model
from mrisr.models.kept import KEPT
from mrisr.pipeline.settings import Settings
from mrisr.progress import CancelToken, Monitor

pytest.importorskip("distributed", reason="needs the extra cluster")


@pytest.fixture(scope="module")
def client():
    with local_client(Share(2, threads=3), sizes.LOOPBACK) as connected:
        yield connected


@pytest.fixture(autouse=True)
def patience():
    """What hangs fails: a signal reaches even a thread that waits for workers."""

    def give_up(_number, _frame):
        raise TimeoutError("nothing came for five minutes")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def crew(client):
    return Dask(client, Monitor())


def outcomes(crew, items):
    return dict(crew.each(cluster_work.do, items, "numbers"))


def test_all_items_come_back_by_their_numbers(client):
    seen = []
    monitor = Monitor(lambda stage, done, total: seen.append((stage, done, total)))
    found = outcomes(Dask(client, monitor), [f"square|{n}" for n in range(25)])
    assert found == {n: n * n for n in range(25)}
    assert {(stage, total) for stage, _, total in seen} == {("numbers", 25)}
    counts = [done for _, done, _ in seen]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 25)


def test_what_fails_is_told_and_the_others_go_on(crew):
    found = outcomes(crew, ["square|3", "refuse|It", "break_down|x", "square|4"])
    assert (found[0], found[3]) == (9, 16)
    assert found[1] == Failed("InputError", "It is refused.")
    assert found[2].kind == "Defect"
    assert "ZeroDivisionError in cluster_work.py" in found[2].message


def test_bad_files_are_tried_again_after_the_others_and_what_lacked_memory_alone(crew, tmp_path):
    log = tmp_path / "log"
    items = [
        f"fail_at_first|memory|{log}",
        f"fail_at_first|file|{log}",
        *[f"note|{n}|{log}" for n in range(6)],
    ]
    found = outcomes(crew, items)
    assert found == {0: "memory", 1: "file", **{n + 2: str(n) for n in range(6)}}
    said = log.read_text(encoding="utf-8").split()
    assert said[-1] == "memory"
    again = len(said) - 1 - said[::-1].index("file")
    assert sum(word.isdigit() for word in said[:again]) >= 3, (
        "when it is given out again three others may be out"
    )


def test_a_worker_that_dies_takes_only_what_killed_it_along(client):
    """And is replaced."""
    found = outcomes(Dask(client, Monitor()), ["die", *[f"square|{n}" for n in range(8)]])
    assert found[0].kind == "LostWorker"
    assert "memory" in found[0].message
    assert found[0].passing
    assert {n: found[n + 1] for n in range(8)} == {n: n * n for n in range(8)}
    client.wait_for_workers(2, timeout=60)


def test_workers_that_never_come_back_end_the_work_with_a_sentence(client, monkeypatch, tmp_path):
    crew = Dask(client, Monitor())
    monkeypatch.setattr(crews, "PATIENCE_S", 0.5)
    monkeypatch.setattr(crews, "LOOK_S", 0.0)
    monkeypatch.setattr(client, "nthreads", dict)
    monkeypatch.setattr(client.cluster, "scale", lambda _count: None)
    with pytest.raises(ConfigError, match="No worker starts any more"):
        outcomes(crew, [f"wait|{tmp_path}"] * 3)
    client.run(stop, crew._run)


def test_a_worker_computes_with_its_share_and_keeps_models(client):
    found = outcomes(Dask(client, Monitor(), threads=1), ["settings"] * 4)
    assert os.getpid() not in {pid for pid, *_ in found.values()}
    for _pid, *held in found.values():
        threads, variable, most, bound = held
        assert (threads, variable) == (1, "1")
        assert most >= 1
        assert 0 < bound < 0.6 * sizes_of_memory()
    loaded = outcomes(Dask(client, Monitor(), threads=1), ["model|gradient-filters-iso2"] * 8)
    per_worker = {pid: {object_ for p, object_ in loaded.values() if p == pid} for pid, _ in loaded.values()}
    assert all(len(objects) == 1 for objects in per_worker.values()), "loaded once a worker"


def sizes_of_memory():
    import psutil

    return psutil.virtual_memory().total


def test_nothing_listens_but_on_this_computer(client):
    addresses = [client.scheduler.address, *client.nthreads()]
    assert len(addresses) == 3
    assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)


def test_names_stay_out_of_the_logs_and_of_the_tasks_names(client, capfd):
    keys = []
    submit = client.submit
    client.submit = lambda *given, key, **more: keys.append(key) or submit(*given, key=key, **more)
    try:
        outcomes(Dask(client, Monitor()), ["break_down|sub-Miller", "refuse|sub-Miller"])
    finally:
        del client.submit
    assert len(keys) == 2
    logs = [*client.get_worker_logs().values(), client.get_scheduler_logs()]
    assert "Miller" not in str(keys) + str(logs) + "".join(capfd.readouterr())


def collect(crew, items, found):
    for number, outcome in crew.each(cluster_work.do, items, "numbers"):
        found[number] = outcome


def test_a_stop_reaches_the_tasks_and_says_what_is_done(client, tmp_path):
    token = CancelToken()
    crew = Dask(client, Monitor(cancel=token))
    found = {}

    def stop():
        while len(list(tmp_path.glob("begun-*"))) < 2:
            time.sleep(0.02)
        token.cancel()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(
        Cancelled, match="1 of 4 are done and stay; the same command goes on with the other 3"
    ):
        collect(crew, ["square|2", *[f"wait|{tmp_path}"] * 3], found)
    assert found == {0: 4}
    begun, ended = (len(list(tmp_path.glob(f"{kind}-*"))) for kind in ("begun", "ended"))
    assert begun == ended == 2
    assert outcomes(Dask(client, Monitor()), ["square|5"]) == {0: 25}, "another run is not stopped"


def test_a_scheduler_that_is_there_does_the_work_and_stays(client):
    address = client.scheduler.address
    said = []
    with crew_of(Workers(address), Share(0), Monitor(log=said.append)) as crew:
        assert outcomes(crew, ["square|7"]) == {0: 49}
        assert not logging.getLogger("distributed.client").isEnabledFor(logging.ERROR), "we tell what happens"
    assert logging.getLogger("distributed.client").isEnabledFor(logging.ERROR)
    assert address in said[0]
    assert len(client.nthreads()) == 2


def heard(names, event, /, **fields):
    if event == "scan":
        names.append(fields["input"].name)


def test_a_folder_is_enhanced_by_workers_with_the_same_outcomes_as_in_a_loop(client, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    for number in range(3):
        write_volume(phantom((12, 12, 8), seed=number), folder / f"{number}.nii.gz")
    (folder / "bad.nii.gz").write_bytes(b"nothing")
    told = {}
    for name, workers in (("loop", Workers(jobs=1)), ("workers", Workers(client.scheduler.address))):
        pairs = batch.pairs_in(folder, tmp_path / name)
        write_volume(phantom((4, 4, 4)), pairs[1][1])
        request = batch.Request(*zip(*pairs, strict=True), Settings("cubic"), workers=workers)
        names = []
        reply = batch.run(request, tell=partial(heard, names))
        told[name] = [(each.input, each.state, each.message) for each in reply.outcomes]
        assert sorted(names) == ["0.nii.gz", "1.nii.gz", "2.nii.gz", "bad.nii.gz"]
    assert told["loop"] == told["workers"]
    assert [state for _, state, _ in told["loop"]] == ["enhanced", "skipped", "enhanced", "failed"]
    one, other = (read_volume(tmp_path / name / "2.nii.gz") for name in ("loop", "workers"))
    assert (one.array == other.array).all()


def test_workers_in_other_folders_find_what_is_named_from_here(client, tmp_path, monkeypatch):
    write_scan(tmp_path / "study/sub-01/anat/sub-01_T1w.nii.gz")
    shutil.copytree(find("cubic").folder, tmp_path / "models/cubic")
    monkeypatch.chdir(tmp_path)
    workers, scan = Workers(client.scheduler.address), Path("study/sub-01/anat/sub-01_T1w.nii.gz")
    settings = Settings(Path("models/cubic"))
    reply = batch.run(batch.Request((scan,), (Path("fine.nii.gz"),), settings, workers=workers))
    assert reply.outcomes == (batch.Outcome(scan, Path("fine.nii.gz"), "enhanced"),)
    request = bids.Request(Path("study"), Path("out"), settings=settings, reports=False, workers=workers)
    assert [state.state for state in bids.run(request).states] == ["enhanced"]
    assert Path("fine.nii.gz").is_file()
    assert Path("out/sub-01/anat/sub-01_rec-cubic_T1w.nii.gz").is_file()


def test_a_defect_in_one_scan_does_not_stop_the_others_of_a_loop(tmp_path, monkeypatch):
    def fail(request, *_more, **_options):
        if request.input.name == "0.nii.gz":
            raise ZeroDivisionError("no number")

    monkeypatch.setattr(batch.enhancement, "run", fail)
    inputs = tuple(tmp_path / f"{number}.nii.gz" for number in range(2))
    outputs = tuple(tmp_path / "out" / path.name for path in inputs)
    first, second = batch.run(batch.Request(inputs, outputs, Settings("cubic"))).outcomes
    assert (first.state, second.state) == ("failed", "enhanced")
    assert "ZeroDivisionError in test_cluster.py" in first.message


def test_alone_tasks_are_done_in_this_process_with_their_stages_as_details():
    seen = []
    monitor = Monitor(lambda stage, done, total: seen.append((stage, done, total)))

    def work(item, inner):
        inner.step("model", 1, 2)
        if item == 1:
            raise InputError("No.")
        return os.getpid()

    assert list(Alone(monitor).each(work, [0, 1], "scans")) == [
        (0, os.getpid()),
        (1, Failed("InputError", "No.")),
    ]
    assert seen == [
        ("scans", 0, 2), ("scans · model 1/2", 0, 2), ("scans", 1, 2), ("scans · model 1/2", 1, 2), ("scans", 2, 2),
    ]  # fmt: skip
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled, match="0 of 2 are done and stay"):
        list(Alone(Monitor(cancel=token)).each(work, [0, 1], "scans"))


def test_alone_a_model_is_loaded_once():
    def loaded(_item, _monitor):
        return load_model("gradient-filters-iso2")

    first, second = (model for _, model in Alone(Monitor()).each(loaded, [0, 1], "scans"))
    assert first is second
    assert KEPT.most == 0


GIGA = 10**9


@pytest.mark.parametrize(
    ("asked", "tasks", "free", "gpus", "expected"),
    [
        (Workers("local"), 24, 64 * GIGA, (), Share(8, 1)),
        (Workers("local"), 24, 9 * GIGA, (), Share(2, 4)),  # memory is short: the cores are shared by fewer
        (Workers("local"), 3, 64 * GIGA, (), Share(3, 2)),
        (Workers("local", jobs=5, threads=7), 24, 9 * GIGA, (), Share(5, 7)),
        (Workers("local"), 24, 64 * GIGA, ("0", "1"), Share(2, 4, 0, ("0", "1"))),
        (Workers("local", jobs=4), 24, 64 * GIGA, ("0", "1"), Share(2, 4, 0, ("0", "1"))),
        (Workers(), 24, 1 * GIGA, (), Share(0, 8)),
        (Workers(), 24, 64 * GIGA, (), Share(8, 1)),
        (Workers(jobs=1), 24, 64 * GIGA, (), Share(0, 8)),
        (Workers("local"), 24, 1 * GIGA, (), Share(1, 8)),
    ],
)
def test_workers_share_cores_memory_and_graphics_cards(monkeypatch, asked, tasks, free, gpus, expected):
    monkeypatch.setattr(sizes, "memory_here", lambda: free)
    assert share_of(asked, tasks, memory=4 * GIGA, gpus=gpus, cores=8) == expected


def test_without_dask_the_work_is_done_in_a_loop_and_a_scheduler_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("dask", "distributed"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(sizes.importlib.util, "find_spec", lambda _name: None)
    assert share_of(Workers(), 24, memory=1, cores=8).count == 0
    sentence = (
        r"needs the Python packages dask, distributed; install with pip install 'dask>=[\d.]+' 'distributed>="
    )
    for workers in (Workers("local"), Workers(jobs=4), Workers("tcp://127.0.0.1:1")):
        share = share_of(workers, 24, memory=1, cores=8)
        with pytest.raises(ConfigError, match=sentence), crew_of(workers, share, Monitor()):
            pass


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(crews, "CONNECT_S", 1)
    with (
        pytest.raises(ConfigError, match="cannot be reached"),
        crew_of(Workers("tcp://127.0.0.1:9"), Share(0), Monitor()),
    ):
        pass


def test_an_address_that_is_not_of_this_computer_is_told():
    with (
        pytest.raises(ConfigError, match=r"Nothing can listen on 192\.0\.2\.1 \(.*name an address"),
        local_client(Share(1), "192.0.2.1"),
    ):
        pass


@pytest.mark.parametrize("wrong", [{"scheduler": "node7"}, {"jobs": -1}, {"threads": -2}])
def test_workers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="must be"):
        replace(Workers(), **wrong)


def test_a_worker_sees_its_own_graphics_card_alone():
    from mrisr.cluster.local import _environment

    share = Share(2, 4, 0, ("GPU-a", "1"))
    assert [_environment(share, n)["CUDA_VISIBLE_DEVICES"] for n in range(2)] == ["GPU-a", "1"]
    assert _environment(share, 0)["OMP_NUM_THREADS"] == "4"
    assert "CUDA_VISIBLE_DEVICES" not in _environment(Share(2, 4), 0)


def test_graphics_cards_are_those_that_the_environment_leaves(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert sizes.gpus_here("auto") == ("3", "5")
    assert sizes.gpus_here("cuda:1") == ("3,5",), "one worker, which counts them as we do"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert sizes.gpus_here("cuda") == ("0", "1")
    assert sizes.gpus_here("cpu") == ()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for there, gpus in ((True, ("",)), (False, ())):
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda there=there: there)
        assert sizes.gpus_here("auto") == gpus, "of Apple's there is one"


def test_the_module_of_the_workers_functions_is_imported_by_its_name():
    assert cluster_work.do.__module__ == "engine.cluster_work"
    assert Path(cluster_work.__file__).is_file()


@pytest.mark.parametrize(("cards", "jobs"), [((), 1), (("0",), 1), (("0", "1"), 0)])
def test_several_graphics_cards_get_a_scan_each_unless_said_otherwise(monkeypatch, cards, jobs):
    monkeypatch.setattr(_workers, "gpus_here", lambda device: cards if device == "auto" else ())
    asked = parser().parse_args(["enhance", "a.nii.gz", "b.nii.gz", "--output", "made"])
    assert _workers.workers_of(asked) == Workers(jobs=jobs)
    for said, count in ((["--jobs", "3"], 3), (["--device", "cpu"], 1)):
        asked = parser().parse_args(["enhance", "a.nii.gz", *said])
        assert _workers.workers_of(asked).jobs == count
