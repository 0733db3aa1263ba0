"""Schedules and samplers against closed forms, numerical integration and MONAI's schedulers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.networks.schedulers import DDIMScheduler

from mrisr.errors import Cancelled, ConfigError, InputError
from mrisr.families.ddpm.prediction import checked, clean_from, wanted
from mrisr.families.ddpm.samplers import SAMPLERS, Timesteps, ancestral, ddim, dpm_solver, sampler_named
from mrisr.families.ddpm.schedule import SCHEDULES, VARIANCE, cosine, published, schedule_named

DRAWS = 10_000


def never(*_):
    raise AssertionError("this sampler draws nothing")


def ignore(*_):
    pass


def normal(seed):
    random = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(DRAWS, generator=random, dtype=torch.float64)


@pytest.mark.parametrize("t", [1, 30, 90])
def test_steps_of_the_published_schedule_add_up_to_its_closed_form(t):
    draw = normal(t)
    x = torch.full((DRAWS,), 1.7, dtype=torch.float64)
    for step in range(1, t + 1):
        alpha = math.cos(math.pi * step / 2000) ** 2
        x = math.sqrt(alpha) * x + math.sqrt((1 - alpha) * VARIANCE) * draw()
    schedule = published()
    sd = schedule.noise[t]
    assert float(x.mean()) == pytest.approx(1.7 * schedule.signal[t], abs=4 * sd / math.sqrt(DRAWS))
    assert float(x.std()) == pytest.approx(sd, rel=4 / math.sqrt(2 * DRAWS))


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_forward_samples_have_the_closed_forms_mean_and_variance(name):
    schedule = schedule_named(name)
    for t in (10, 80, 200):
        x = schedule.forward(torch.full((DRAWS,), -0.8, dtype=torch.float64), t, normal(t)())
        sd = schedule.noise[t]
        assert float(x.mean()) == pytest.approx(-0.8 * schedule.signal[t], abs=4 * sd / math.sqrt(DRAWS))
        assert float(x.var()) == pytest.approx(sd**2, rel=6 / math.sqrt(DRAWS))


def test_the_published_schedule_is_at_its_end_after_a_quarter_of_its_steps():
    schedule = published()
    assert schedule.signal[100] ** 2 == pytest.approx(
        math.exp(-(math.pi**2) * 100**3 / 12 / 1000**2), rel=0.02
    )
    assert schedule.signal[250] < 0.05
    assert schedule.noise[-1] ** 2 == pytest.approx(VARIANCE)


def test_the_cosine_schedule_is_monais():
    monai = DDIMScheduler(1000, schedule="cosine", clip_sample=False).alphas_cumprod.numpy()
    ours = cosine().signal[1:] ** 2
    assert np.allclose(
        ours[:990], monai[:990], atol=2e-3
    )  # MONAI takes 1000 samples of the cosine where the paper has 1001


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize(("t", "earlier"), [(60, 59), (60, 20), (200, 199), (5, 1)])
def test_the_posterior_is_bayes_rule(name, t, earlier):
    schedule = schedule_named(name)
    x, state = 0.9, 0.4
    place = np.linspace(-6, 6, 600_001)
    kept = schedule.signal[t] / schedule.signal[earlier]
    added = schedule.noise[t] ** 2 - kept**2 * schedule.noise[earlier] ** 2
    exponent = (
        -((place - schedule.signal[earlier] * x) ** 2) / 2 / schedule.noise[earlier] ** 2
        - (state - kept * place) ** 2 / 2 / added
    )
    density = np.exp(exponent - exponent.max())
    density /= density.sum()
    mean = (place * density).sum()
    variance = ((place - mean) ** 2 * density).sum()
    found, spread = schedule.posterior(
        torch.tensor(state, dtype=torch.float64), torch.tensor(x, dtype=torch.float64), t, earlier
    )
    assert float(found) == pytest.approx(mean, abs=1e-5)
    assert spread == pytest.approx(variance, rel=1e-3)


@given(st.integers(1, 1000), st.sampled_from(sorted(SCHEDULES)))
def test_chosen_steps_go_down_to_none(steps, name):
    times = schedule_named(name).chosen(steps)
    assert times[-1] == 0
    assert all(a > b for a, b in pairwise(times))
    assert 2 <= len(times) <= steps + 1
    assert len(times) == steps + 1 or steps > 50


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(InputError, match="between 1 and 1000"):
        cosine().chosen(steps)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_a_perfect_denoiser_gives_the_volume_back(name, schedule):
    volume = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    made = schedule_named(schedule)
    states = []
    timesteps = Timesteps(made, made.chosen(8))
    found = SAMPLERS[name](
        lambda _state, _t: volume,
        torch.randn(3, 4, 5),
        timesteps,
        lambda: torch.randn(3, 4, 5),
        lambda *seen: states.append(seen),
    )
    assert torch.allclose(found, volume, atol=1e-6)
    assert [number for number, _, _ in states] == list(range(1, len(timesteps.times)))
    assert all(torch.isfinite(state).all() for _, state, _ in states)


def gaussian_denoiser(schedule, mean, sd):
    """E[x_0 | x_t] if x_0 ~ N(mean, sd²)."""

    def denoise(state, t):
        a, s = schedule.signal[t], schedule.noise[t]
        gain = a * sd**2 / (a**2 * sd**2 + s**2)
        return mean + gain * (state - a * mean)

    return denoise


@pytest.mark.parametrize("name", sorted(SAMPLERS))
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_samples_follow_the_distribution(name, schedule):
    made = schedule_named(schedule)
    times = made.chosen(250)
    draw = normal(3)
    found = SAMPLERS[name](
        gaussian_denoiser(made, 0.5, 0.2), made.noise[times[0]] * draw(), Timesteps(made, times), draw, ignore
    )
    assert float(found.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(found.std()) == pytest.approx(
        0.2, rel=0.06
    )  # ancestral steps of finite size lose some variance


def test_the_higher_order_needs_fewer_steps():
    schedule = cosine()

    def error(sampler):
        times = schedule.chosen(25)
        start = schedule.noise[times[0]] * normal(5)()
        fine = ddim(
            gaussian_denoiser(schedule, 0.5, 0.2),
            start,
            Timesteps(schedule, schedule.chosen(1000)),
            never,
            ignore,
        )
        coarse = sampler(
            gaussian_denoiser(schedule, 0.5, 0.2), start, Timesteps(schedule, times), never, ignore
        )
        return float((coarse - fine).abs().mean())

    assert error(dpm_solver) < 0.4 * error(ddim)


def test_ddim_without_eta_is_deterministic_and_with_it_is_ancestral():
    schedule = cosine()
    denoise = gaussian_denoiser(schedule, 0.0, 0.5)
    start = normal(1)()
    timesteps = Timesteps(schedule, schedule.chosen(10))
    assert torch.equal(
        ddim(denoise, start, timesteps, never, ignore), ddim(denoise, start, timesteps, never, ignore)
    )
    whole = ddim(denoise, start, timesteps, normal(2), ignore, eta=1.0)
    assert torch.allclose(whole, ancestral(denoise, start, timesteps, normal(2), ignore), atol=1e-9)
    assert not torch.allclose(whole, ancestral(denoise, start, timesteps, normal(3), ignore), atol=1e-2)


def test_a_ddim_step_is_monais():
    monai = DDIMScheduler(1000, schedule="scaled_linear_beta", clip_sample=False, prediction_type="sample")
    monai.set_timesteps(10)
    from mrisr.families.ddpm.schedule import Schedule

    shares = np.concatenate([[1.0], monai.alphas_cumprod.double().numpy()])
    schedule = Schedule(np.sqrt(shares), np.sqrt(1 - shares))
    state, clean = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    theirs, _ = monai.step(clean, 600, state)
    seen = []
    ddim(
        lambda *_: clean,
        state,
        Timesteps(schedule, [601, 501, 0]),
        never,
        lambda _n, after, _x: seen.append(after),
    )
    assert torch.allclose(seen[0], theirs, atol=1e-5)


def test_a_sampler_stops_between_steps():
    def stop(number, *_):
        if number == 3:
            raise Cancelled("enough")

    calls = []
    for sampler in SAMPLERS.values():
        calls.clear()
        timesteps = Timesteps(cosine(), cosine().chosen(9))
        with pytest.raises(Cancelled):
            sampler(
                lambda state, t: calls.append(t) or state,
                torch.zeros(2),
                timesteps,
                lambda: torch.zeros(2),
                stop,
            )
        assert len(calls) == 3


@pytest.mark.parametrize("kind", ["v", "noise", "clean"])
def test_predictions_say_what_the_clean_volume_is(kind):
    random = torch.Generator().manual_seed(4)
    clean, noise = torch.randn(20, generator=random), torch.randn(20, generator=random)
    for angle in map(torch.tensor, (0.1, 0.8, 1.4)):
        noisy = angle.cos() * clean + angle.sin() * noise
        assert torch.allclose(
            clean_from(checked(kind), wanted(kind, clean, noise, angle), noisy, angle), clean, atol=1e-5
        )


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="v, noise, clean"):
        checked("x0")
    with pytest.raises(InputError, match="cosine, published"):
        schedule_named("linear")
    with pytest.raises(InputError, match="ancestral, ddim, dpm-solver"):
        sampler_named("euler")
