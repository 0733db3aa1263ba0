"""Learning from a trained model, and with the statistics that a network starts with."""

from itertools import combinations

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from engine.training_helpers import options, silent, table, write_scans
from mrisr.errors import CatalogError, ConfigError
from mrisr.training import checkpoint
from mrisr.training.config import Config
from mrisr.training.data.feed import Batch
from mrisr.training.objective import Distilled, Supervised
from mrisr.training.run import train

SMALL = {"size": [16, 16, 16], "chunk": 2}
"""Patches for a packaged model, which is large; two are one step."""

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def accelerator():
    return Accelerator(cpu=True)


@pytest.fixture
def batch():
    torch.manual_seed(5)
    return Batch(torch.rand(2, 1, 8, 8, 8), torch.rand(2, 1, 8, 8, 8), torch.zeros(2, 4))


def smoother():
    torch.manual_seed(6)
    return nn.Conv3d(1, 1, 3, padding=1)


def test_a_network_that_equals_its_teacher_has_nothing_to_learn(accelerator, batch):
    network, teacher = smoother(), smoother()
    loss, estimate = Distilled(teacher, 1.0, nn.L1Loss(), 2, accelerator)(network, batch, 0)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(estimate, teacher(batch.inputs))
    assert all(not p.grad.any() for p in network.parameters())
    assert all(p.grad is None for p in teacher.parameters())


def test_the_truth_has_the_share_that_the_teacher_leaves(accelerator, batch):
    network, teacher = nn.Identity(), smoother()
    mixed = 0.75 * batch.target + 0.25 * teacher(batch.inputs).detach()
    expected = (batch.inputs - mixed)[..., 2:6, 2:6, 2:6].square().mean()
    assert float(
        Distilled(teacher, 0.25, nn.MSELoss(), 2, accelerator)(network, batch, 0).loss
    ) == pytest.approx(float(expected), rel=1e-5)
    plain = Supervised(nn.MSELoss(), 2, accelerator)(network, batch, 0)
    assert torch.equal(
        Distilled(teacher, 0.0, nn.MSELoss(), 2, accelerator)(network, batch, 0).loss, plain.loss
    )


def test_a_mirrored_teacher_is_its_self_ensemble_over_eight_steps(accelerator, batch):
    """A student that answers with nothing sees each target as it is; their mean is the mean over all mirrorings."""
    teacher, seen = smoother(), []

    class Criterion(nn.Module):
        def forward(self, estimate, target):
            seen.append(target)
            return (estimate - target).mean()

    objective = Distilled(teacher, 1.0, Criterion(), 0, accelerator, mirrored=True)
    for step in range(8):
        objective(nn.Identity(), batch, step)
    mirrorings = [axes for count in range(4) for axes in combinations((2, 3, 4), count)]
    with torch.no_grad():
        expected = torch.stack([teacher(batch.inputs.flip(axes)).flip(axes) for axes in mirrorings])
    assert torch.allclose(torch.stack(seen).mean(0), expected.mean(0), atol=1e-6)
    assert not torch.allclose(seen[0], seen[1], atol=1e-3)


def test_a_packaged_model_teaches(tmp_path):
    """A student that starts with the teacher's own weights has no loss; the truth gives it one."""
    write_scans(tmp_path, count=1)
    network = {
        "width": 64,
        "blocks": 6,
        "scale": 0.25,
        "gain": 4.0,
        "stride": [2, 2, 2],
        "estimates": 2,
        "projections": 3,
    }
    student = table(network=network, start="edsr3d-iso2", optimizer={"steps": 1}, patches=SMALL)
    taught = train(
        {**student, "teacher": {"model": "edsr3d-iso2"}},
        options(tmp_path, work=tmp_path / "taught"),
        silent(),
    )
    alone = train(student, options(tmp_path, work=tmp_path / "alone"), silent())
    (first,), (other,) = (
        checkpoint.load(run / checkpoint.LAST)["state"]["losses"] for run in (taught, alone)
    )
    assert first == 0
    assert other > 0.001


def test_the_second_estimate_may_be_for_the_teacher_alone(accelerator, batch):
    class Both(nn.Module):
        """The first estimate plus the second."""

        def forward(self, x):
            return x[:, :1] + x[:, 1:2]

    seen = []

    class Student(nn.Module):
        """Remembers what it sees; answers with the first estimate."""

        def forward(self, x):
            seen.append(x)
            return x[:, :1]

    inputs = torch.cat(
        [batch.inputs, torch.full((2, 1, 8, 8, 8), 0.5), torch.full((2, 3, 8, 8, 8), 7.0)], dim=1
    )
    objective = Distilled(Both(), 1.0, nn.L1Loss(), 2, accelerator, aside=True)
    assert float(objective(Student(), Batch(inputs, batch.target, batch.answers), 0).loss) == pytest.approx(
        0.5
    )
    assert torch.equal(seen[0], torch.cat([batch.inputs, torch.full((2, 3, 8, 8, 8), 7.0)], dim=1))


def test_a_pupil_without_the_teachers_second_estimate_is_taught(tmp_path):
    write_scans(tmp_path, count=1)
    config = table(teacher={"model": "edsr3d-iso2"}, optimizer={"steps": 1}, patches=SMALL)
    work = train(config, options(tmp_path), silent())
    assert checkpoint.load(work / checkpoint.LAST)["network"]["head.weight"].shape[1] == 8 + 3


def test_teachers_that_cannot_teach_are_named(tmp_path):
    write_scans(tmp_path, count=1)
    with pytest.raises(CatalogError, match="nobody"):
        train(table(teacher={"model": "nobody"}), options(tmp_path), silent())
    with pytest.raises(ConfigError, match="cubic cannot teach"):
        train(table(teacher={"model": "cubic"}), options(tmp_path), silent())
    with pytest.raises(ConfigError, match=r'needs initial = "cubic" and degradation\.refines = "one"'):
        train(table(teacher={"model": "edsr3d-thick"}), options(tmp_path), silent())
    with pytest.raises(ConfigError, match=r"set network\.projections to 3"):
        train(
            table(teacher={"model": "edsr3d-iso2"}, network={"projections": 5, "estimates": 2}),
            options(tmp_path),
            silent(),
        )


@pytest.mark.parametrize(
    "changes", [{"family": "ddpm"}, {"adversary": {}}, {"teacher": {"model": "edsr3d-iso2", "share": 1.5}}]
)
def test_a_teacher_comes_alone_and_for_networks_that_can_be_taught(changes):
    with pytest.raises(ConfigError, match="teacher"):
        Config.of(table(**{"teacher": {"model": "edsr3d-iso2"}, **changes}))


@pytest.mark.parametrize("keep", [True, False])
def test_statistics_are_kept_only_if_asked(tmp_path, keep):
    write_scans(tmp_path, count=1)
    network = {"blocks": 1, "units": 1, "growth": 4, "stride": [2, 2, 2], "planes": 3, "skip": True}
    changes = {"family": "mdcsrn", "optimizer": {"steps": 2, "keep_statistics": keep}}
    work = train({**table(**changes), "network": network}, options(tmp_path), silent())
    trained = checkpoint.load(work / checkpoint.LAST)["network"]
    name = "block0.denselayer1.norm"
    assert bool(trained[f"{name}.num_batches_tracked"] == 0) is keep
    assert bool((trained[f"{name}.running_mean"] == 0).all()) is keep
