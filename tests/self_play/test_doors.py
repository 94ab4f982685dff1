"""What a user brings: a table, a source of goals, an environment, a network; and Bob's side for other libraries."""

import warnings
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import self_play
from self_play import exams, goal_env, holdouts, objects, scene, tabletop


def test_a_table_and_a_source_of_goals_of_ones_own():
    """Games on a table without physics, whose goals a sampler sets: each from the one before."""

    def aside(key, scene, now, mask):
        return now._replace(position=now.position + jnp.where(mask[:, None], jnp.array([[0.0, 0.1, 0.0]]), 0.0))

    table = tabletop.build(scene.pucks(2, min_objects=1, num_slots=3))._replace(step=lambda state, action: state)
    settings = {"alice_steps": 2, "bob_steps": 2, "max_goals": 2}
    _, init, draw = self_play.arena(num_games=8, num_steps=20, table=table, goal_source=aside, **settings)
    begun = jax.jit(lambda key: init(key, ()))(jax.random.key(0))
    state, batch = jax.jit(lambda key, begun: draw(key, (), begun, None))(jax.random.key(1), begun)
    assert jax.tree.leaves(state.games.state.q)[0].shape == (8, 6)
    steps = jax.tree.map(np.array, batch.transitions)
    number = np.array(state.games.preset_goals.position)
    mask = np.array(state.games.state.mask)
    np.testing.assert_allclose((number[:, 1] - number[:, 0])[mask], [[0.0, 0.1, 0.0]] * mask.sum(), atol=1e-6)
    assert steps.goal_valid[steps.resolved].all()
    with pytest.raises(ValueError, match="radius is a setting of a scene, and table= has its own"):
        self_play.arena(num_games=8, num_steps=20, table=table, radius=0.02)
    with pytest.raises(ValueError, match="mode is a setting of a scene, and table= has its own"):
        self_play.arena(num_games=8, num_steps=20, table=table, mode="blocks")
    with pytest.raises(ValueError, match="goal_source must be 'alice' or 'uniform' or 'curriculum', got 'far'"):
        self_play.arena(num_games=8, num_steps=20, goal_source="far")


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (lambda now: now._replace(position=now.position[:, :2]), r"Poses of \(3, 2\), \(3, 4\)"),
        (lambda now: jax.tree.map(lambda leaf: leaf[:1], now), r"Poses of \(1, 3\), \(1, 4\)"),
        (lambda now: now.position, r"\w+ of \(3, 3\)"),
        (lambda now: None, "NoneType of nothing"),
    ],
)
def test_a_source_that_returns_no_poses_is_refused(wrong, got):
    table = tabletop.build(scene.pucks(2, num_slots=3))
    settings = {"alice_steps": 2, "bob_steps": 2, "goal_source": lambda key, scene, now, mask: wrong(now)}
    _, init, _ = self_play.arena(num_games=2, num_steps=4, table=table, **settings)
    message = rf"a source of goals returns Poses, .* n from 2 objects to 3 slots; got {got}"
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda key: init(key, ()), jax.random.key(0))
    task = holdouts.Holdout("pucks", 2, settings["goal_source"])
    with pytest.raises(ValueError, match=message):
        exams.examine(table, task, lambda seen: None, jax.random.key(0), num_games=2, bob_steps=2)


class Point(NamedTuple):
    """The state of an environment."""

    obs: dict


class Env:
    """A point that takes an object along, with the interface of Brax and Playground."""

    action_size = 2

    def reset(self, key):
        return Point({"place": jax.random.uniform(key, (2,), minval=-0.1, maxval=0.1)})

    def step(self, state, action):
        return Point({"place": state.obs["place"] + 0.05 * action})


def test_an_environment_of_another_library_is_a_table():
    """Alice's goals are where she took the object, valid if it is moved; actions are its own, from -1 to 1."""

    def poses(state):
        return jnp.append(state.obs["place"], 0.03)[None], jnp.array([[1.0, 0.0, 0.0, 0.0]])

    table = self_play.environments.tabletop_of(Env(), poses, [objects.sphere(0.03)])
    settings = {"alice_steps": 3, "bob_steps": 3, "max_goals": 2}
    _, init, draw = self_play.arena(num_games=8, num_steps=20, table=table, **settings)
    _, batch = jax.jit(lambda key, k_draw: draw(k_draw, (), init(key, ()), None))(*jax.random.split(jax.random.key(0)))
    steps = jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions)
    place, goal = steps.poses.position[:, :, 0, :2], steps.goal.position[:, :, 0, :2]
    begins = steps.bobs_turn[:, 1:] & ~steps.bobs_turn[:, :-1]
    way = np.linalg.norm(goal[:, 1:] - place[:, 1:], axis=-1)[begins]
    assert len(way) > 10
    assert way.min() > 0.04
    moved = (place[:, 1:] - place[:, :-1])[~steps.bobs_turn[:, :-1] & ~steps.bobs_turn[:, 1:] & ~steps.resolved[:, :-1]]
    action = steps.action[:, :-1][~steps.bobs_turn[:, :-1] & ~steps.bobs_turn[:, 1:] & ~steps.resolved[:, :-1]]
    np.testing.assert_allclose(moved, 0.01 * (action - 5), atol=1e-6)


def test_an_environment_without_objects_is_refused():
    with pytest.raises(ValueError, match="objects must have at least one: what is to be moved"):
        self_play.environments.tabletop_of(Env(), lambda state: None, [])


class Own(nn.Module):
    """Logits from the goals' sum."""

    @nn.compact
    def __call__(self, inputs, memory):
        x = jnp.concatenate([inputs.gripper, inputs.goal.sum(axis=-2)], axis=-1)
        out = nn.Dense(2 * 11 + 1)(x)
        return out[..., :-1].reshape(*out.shape[:-1], 2, 11), out[..., -1], jnp.zeros((*out.shape[:-1], 0))


def test_a_network_of_ones_own():
    """It begins for both players, answers as it should, and an update keeps its shapes."""
    table = tabletop.build(scene.pucks())._replace(step=lambda state, action: state)
    _, init, draw = self_play.arena(num_games=4, num_steps=7, table=table, alice_steps=2, bob_steps=2)
    begin, update, predict = self_play.learner(player=Own(), num_minibatches=1, sample_reuse=1)
    keys = jax.random.split(jax.random.key(0), 4)
    batch = jax.eval_shape(lambda: draw(keys[0], (), init(keys[1], ()), None)[1])
    example = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), batch)
    learned = jax.jit(begin)(keys[2], example)
    kernel = learned.params["params"]["Dense_0"]["kernel"]
    assert kernel.shape == (2, 8 + 6, 2 * 11 + 1)
    after, _ = jax.eval_shape(update, keys[3], learned, example)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, learned)
    seen = jax.tree.map(lambda leaf: leaf[:, 1], example.transitions.policy_input)
    seen = seen._replace(memory=jnp.zeros((4, 2, 0)), goal=jnp.ones_like(seen.goal))
    logits, memory = predict(learned, seen)
    assert memory.shape == (4, 2, 0)
    assert not np.any(logits[:, 0])  # only the goal is not zero, and Alice sees none
    assert np.all(np.any(np.array(logits[:, 1]) != 0, axis=(1, 2)))


@pytest.fixture(scope="module")
def env():
    return goal_env.GoalEnv("push_1", max_steps=3)


def test_gymnasium_finds_nothing_wrong(env):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*infinity.*")  # velocities have no bounds
        check_env(env, skip_render_check=True)


def test_an_episode_of_bobs(env):
    """It ends when time is over; hindsight's rewards are those of the steps; at its goal an object is worth 0."""
    first, _ = env.reset(seed=3)
    rows, ends = [first], []
    while not ends or not ends[-1]:
        seen, reward, success, over, info = env.step(np.ones(5, np.float32))
        rows.append(seen)
        ends.append(over)
        assert (reward, success, info["is_success"]) == (-1.0, False, False)
    assert ends == [False, False, True]
    achieved, desired = (np.stack([row[f"{kind}_goal"] for row in rows]) for kind in ("achieved", "desired"))
    np.testing.assert_array_equal(env.compute_reward(achieved, desired, {}), [-1.0] * 4)
    np.testing.assert_array_equal(env.compute_reward(achieved, achieved, {}), [0.0] * 4)
    near = desired[0] + np.array([0.039, 0, 0, 0, 0, 0, 0], np.float32)
    assert env.compute_reward(near, desired[0], {}) == 0
    assert np.linalg.norm(first["achieved_goal"][:3] - first["desired_goal"][:3]) > holdouts.MIN_DISTANCE
    with pytest.raises(ValueError, match="no holdout task 'pull'; there are uniform, "):
        goal_env.GoalEnv("pull")
