"""What kind of goal it is, by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play import goals
from self_play.game import Rules
from self_play.goals import Poses
from self_play.metrics import rollout_metrics
from tests.self_play.scripted_games import play

UPRIGHT = [1.0, 0.0, 0.0, 0.0]
HALF = 0.0254  # m, of a block's side
kinds_of = {
    name: functools.partial(goals.kinds, functools.partial(goals.reached, symmetries=goals.symmetries_of(name)))
    for name in ("cube", "none")
}


def test_kinds_by_hand():
    """Of five: one stays, one is pushed, one is turned by an eighth, one is put onto the second, one is absent."""
    now = jnp.array([[0.2, 0.2, HALF], [0.0, 0.0, HALF], [0.1, -0.1, HALF], [-0.2, 0.0, HALF], [1.0, 0.0, HALF]])
    goal = now.at[1].set(jnp.array([0.0, 0.3, HALF])).at[3].set(jnp.array([0.01, 0.3, 3 * HALF])).at[4, 0].set(2.0)
    upright = jnp.tile(jnp.array([UPRIGHT]), (5, 1))
    eighth = upright.at[2].set(jnp.array([np.cos(np.pi / 8), 0.0, 0.0, np.sin(np.pi / 8)]))
    got = kinds_of["cube"](Poses(now, upright), Poses(goal, eighth), jnp.array([True, True, True, True, False]))
    np.testing.assert_array_equal(got["moved"], [False, True, True, True, False])
    np.testing.assert_allclose(got["distance"][1:4], [0.3, 0.0, np.linalg.norm([0.21, 0.3, 2 * HALF])], atol=1e-6)
    np.testing.assert_array_equal(got["rotated"], [False, False, True, False, False])
    np.testing.assert_array_equal(got["lifted"], [False, False, False, True, False])
    np.testing.assert_array_equal(got["stacked"], [False, False, False, True, False])
    np.testing.assert_allclose([got["to_x"][1], got["to_y"][1]], [0.0, 1.0], atol=1e-6)


def test_a_quarter_turn_of_a_cube_is_no_turn_and_a_block_in_the_air_is_on_nothing():
    now = Poses(jnp.array([[0.0, 0.0, HALF], [0.3, 0.0, HALF]]), jnp.tile(jnp.array([UPRIGHT]), (2, 1)))
    turned = now.rotation.at[0].set(jnp.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]))
    goal = Poses(now.position.at[0, 2].set(0.2), turned)
    got = kinds_of["cube"](now, goal, jnp.ones(2, bool))
    assert got["lifted"].tolist() == [True, False]
    assert not got["rotated"].any()
    assert kinds_of["none"](now, goal, jnp.ones(2, bool))["rotated"].tolist() == [True, False]
    assert not got["stacked"].any()
    apart = kinds_of["cube"](now, goal._replace(position=goal.position.at[0, 0].set(0.3)), jnp.array([True, False]))
    assert not apart["stacked"].any()  # the other is not there


def test_turns_that_begin_with_a_rollout_count():
    """The objects that goals ask for, in the second of two rollouts: some of Bob's turns begin with its first step."""
    (before, batch), _ = play(Rules(7, 3, 3), num_draws=2)
    his = np.concatenate([before.transitions.bobs_turn[:, -1:], batch.transitions.bobs_turn[:, 1:]], axis=1)
    begins = his[:, 1:] & ~his[:, :-1]
    assert begins[:, 0].any()
    asked = batch.kinds["moved"][:, 1:].sum(axis=2)[begins]
    metrics = jax.jit(rollout_metrics)(jax.tree.map(jnp.asarray, batch))
    assert float(metrics["goal_objects"]) == pytest.approx(asked.mean())
