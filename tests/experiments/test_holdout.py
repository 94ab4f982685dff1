"""The eval of holdout tasks. How success is counted is tested in tests/self_play."""

import jax
import jax.numpy as jnp
import pytest

from experiments import evals
from experiments.evals import View
from self_play import holdouts


def view(predict):
    return View(predict, test=(), train=None, world=None, learner=None)


def test_bob_and_chance_are_asked_alike(monkeypatch):
    """Chance is a Bob whose logits are all 0, who remembers as Bob does."""
    asked = {}

    def success_rate(table, task, act, key, **limits):
        asked.update(limits, table=table, task=task)
        logits, memory = act(jnp.array([0.25, 0.5]))
        return jnp.max(logits) + memory

    monkeypatch.setattr(holdouts, "table_of", lambda task, **settings: settings)
    monkeypatch.setattr(holdouts, "success_rate", success_rate)

    def predict(seen):
        return 3 * seen, jnp.float32(10.0)

    settings = {"tasks": ("far",), "num_games": 7, "bob_steps": 5, "radius": 0.02}
    rates = jax.jit(lambda: evals.holdout(view(predict), **settings))()
    assert rates == {"holdout_success": 11.5, "holdout_success_random": 10.0}
    assert asked == {
        "num_games": 7,
        "bob_steps": 5,
        "table": {"radius": 0.02},
        "task": holdouts.HOLDOUTS["far"],
    }


def test_several_tasks_have_a_mean_and_a_number_each(monkeypatch):
    rates = {"uniform": 0.25, "far": 0.75}
    names = {id(task): name for name, task in holdouts.HOLDOUTS.items()}
    monkeypatch.setattr(holdouts, "table_of", lambda task, **settings: None)
    monkeypatch.setattr(
        holdouts, "success_rate", lambda table, task, act, key, **limits: act(rates[names[id(task)]])[0]
    )
    got = evals.holdout(view(lambda seen: (seen, None)), tasks=("uniform", "far"), num_games=1, bob_steps=1)
    assert got == {
        "holdout_success": 0.5,
        "holdout_success_random": 0.0,
        "uniform_success": 0.25,
        "far_success": 0.75,
    }


@pytest.mark.parametrize(
    ("tasks", "message"),
    [(("far", "near"), "no holdout task 'near'; there are uniform, far, "), ((), "name some tasks")],
)
def test_there_must_be_such_tasks(tasks, message):
    with pytest.raises(ValueError, match=message):
        evals.holdout(view(None), tasks=tasks, num_games=1, bob_steps=1)
