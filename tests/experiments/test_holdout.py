"""The eval of holdout tasks. How success is counted is tested in tests/self_play."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import evals
from experiments.evals import View
from self_play import exams, holdouts, scene


def view(predict):
    return View(predict, test=(), train=None, world=None, learner=None)


def result(num_solved):
    tried = jnp.int32(128)
    return exams.Result(tried, num_solved.astype(jnp.int32), tried // 2, tried // 4)


def test_bob_chance_and_the_oracle_are_asked_alike(monkeypatch):
    """Chance is a Bob whose logits are all 0, who remembers as Bob does; the oracle answers in his place."""
    asked = {}

    def examine(table, task, act, key, **limits):
        asked.update(limits, table=table, task=task)
        logits, memory = act(jnp.array([16.0, 32.0]))
        return result(jnp.max(logits) + memory)

    table = types.SimpleNamespace(scene=scene.pucks())
    settings = {}
    monkeypatch.setattr(holdouts, "table_of", lambda task, **of_scene: settings.update(of_scene) or table)
    monkeypatch.setattr(exams, "examine", examine)

    def predict(seen):
        return 2 * seen, jnp.float32(0.0)

    task = holdouts.HOLDOUTS["far"]._replace(oracle=lambda seen: 4 * seen)
    monkeypatch.setitem(holdouts.HOLDOUTS, "far", task)
    given = {"tasks": ("far",), "num_games": 7, "bob_steps": 5, "radius": 0.02}
    rates = jax.jit(lambda: evals.holdout(view(predict), **given))()
    assert {name: float(rate) for name, rate in rates.items() if name[-3:] not in ("low", "igh")} == {
        "holdout_success": 0.5,
        "holdout_success_random": 0.0,
        "far_success": 0.5,
        "far_random": 0.0,
        "far_oracle": 1.0,
    }
    assert asked == {"num_games": 7, "bob_steps": 5, "table": table, "task": task}
    assert settings == {"radius": 0.02}
    again = jax.jit(lambda: evals.holdout(view(predict)._replace(anew=jnp.array(False)), **given))()
    once = evals.holdout.constant(**given)
    assert rates.keys() - once == {"holdout_success", "far_success", "far_low", "far_high"}
    assert {name: float(again[name]) for name in again.keys() - once} == {
        name: float(rates[name]) for name in rates.keys() - once
    }
    assert np.isfinite(list(again.values())).all()
    assert again["far_random"] == again["far_oracle"] == 0
    # Wilson's interval of 64, 0 and 128 of 128, from the formula's textbook form.
    ends = [[float(rates[f"far_{who}{end}"]) for end in ("low", "high")] for who in ("", "random_", "oracle_")]
    np.testing.assert_allclose(ends, [[0.41470, 0.58530], [0, 0.02914], [0.97086, 1]], atol=1e-4)


def test_several_tasks_have_a_mean_and_a_number_each(monkeypatch):
    """Blocks may be turned, and equal ones may take one another's goals: reported apart."""
    rates = {"push_1": 0.25, "push_2": 0.75}
    names = {id(task.goal): name for name, task in holdouts.HOLDOUTS.items()}
    of = {"push_1": scene.blocks(1), "push_2": scene.blocks(2)}
    for name in rates:
        goal = functools.partial(holdouts.push)
        names[id(goal)] = name
        monkeypatch.setitem(holdouts.HOLDOUTS, name, holdouts.HOLDOUTS[name]._replace(goal=goal, oracle=None))
    monkeypatch.setattr(holdouts, "table_of", lambda task: types.SimpleNamespace(scene=of[names[id(task.goal)]]))
    monkeypatch.setattr(
        exams, "examine", lambda table, task, act, key, **limits: result(128 * act(rates[names[id(task.goal)]])[0])
    )
    got = evals.holdout(view(lambda seen: (seen, None)), tasks=tuple(rates), num_games=1, bob_steps=1)
    assert {name: float(rate) for name, rate in got.items() if name[-3:] not in ("low", "igh")} == {
        "holdout_success": 0.5,
        "holdout_success_random": 0.0,
        "push_1_success": 0.25,
        "push_1_random": 0.0,
        "push_1_position": 0.5,
        "push_2_success": 0.75,
        "push_2_random": 0.0,
        "push_2_position": 0.5,
        "push_2_any_order": 0.25,
    }


@pytest.mark.parametrize(
    ("tasks", "message"),
    [(("far", "near"), "no holdout task 'near'; there are uniform, far, "), ((), "name some tasks")],
)
def test_there_must_be_such_tasks(tasks, message):
    with pytest.raises(ValueError, match=message):
        evals.holdout(view(None), tasks=tasks, num_games=1, bob_steps=1)
