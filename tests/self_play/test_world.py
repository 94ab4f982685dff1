"""The World of the game: the shapes of its batches, determinism, games that break, and its settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play

NUM_GAMES, BROKEN = 8, 3


@pytest.fixture(scope="module")
def pucks():
    """The real table: (the first state, draw(key, state)), compiled once."""
    settings = {"num_games": NUM_GAMES, "num_steps": 24, "alice_steps": 6, "bob_steps": 4}
    data, init, draw = self_play.arena(mode="pucks", lstm_size=3, num_slots=2, **settings)
    return jax.jit(init)(jax.random.key(0), data), jax.jit(lambda key, state: draw(key, data, state, None))


def test_the_world_of_pucks(pucks):
    """Shapes, determinism, and that an act of None plays."""
    state, draw = pucks
    once, again = draw(jax.random.key(1), state), draw(jax.random.key(1), state)
    for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    _, batch = once
    assert batch.transitions.action.shape == (8, 25, 2)
    assert batch.demo_goal.shape == (8, 25, 2, 6)
    assert batch.last.memory.shape == (8, 2, 2, 12)
    assert int(jnp.sum(batch.transitions.resolved)) >= 8 * 24 // 10
    assert bool(jnp.all(jnp.isfinite(batch.transitions.policy_input.observation.objects)))
    assert not batch.restarted.any()


def spoil(state, field, value):
    """The world's state with one number of one game replaced."""
    one = state.games if field == "memory" else state.games.state
    leaf = getattr(one, field)
    one = one._replace(**{field: leaf.at[(BROKEN, *[0] * (leaf.ndim - 1))].set(value)})
    return state._replace(games=one if field == "memory" else state.games._replace(state=one))


@pytest.mark.parametrize(
    ("field", "value"), [("q", np.nan), ("qd", np.inf), ("qd", 1e20), ("solver_state", -np.inf), ("memory", np.nan)]
)
def test_a_game_that_breaks_begins_anew_and_reaches_no_other(pucks, field, value):
    """The others are to the bit what they are without it; its own steps are padding, and then it plays on."""
    state, draw = pucks
    state, _ = draw(jax.random.key(1), state)  # some of Alice's steps are pending
    well, broken = draw(jax.random.key(2), state), draw(jax.random.key(2), spoil(state, field, value))
    others = np.arange(NUM_GAMES) != BROKEN
    np.testing.assert_array_equal(broken[1].restarted, ~others)
    of_games = [(state.games, state.pending, batch._replace(restarted=None)) for state, batch in (well, broken)]
    for a, b in zip(*map(jax.tree.leaves, of_games), strict=True):
        np.testing.assert_array_equal(np.array(a)[others], np.array(b)[others])
        assert np.all(np.isfinite(b))
    steps = broken[1].transitions
    assert not np.any(steps.valid[BROKEN] | steps.resolved[BROKEN] | broken[1].is_demo[BROKEN])
    assert not broken[0].pending.valid[BROKEN]
    _, after = draw(jax.random.key(3), broken[0])
    assert not after.restarted.any()
    assert np.all(after.transitions.valid[BROKEN, 1:])


def test_the_types_are_the_same_under_x64():
    """All that is carried keeps its 32 bits; the physics is traced with 32 as well."""
    settings = {"num_games": 4, "num_steps": 7, "alice_steps": 3, "bob_steps": 2, "goal_source": "curriculum"}
    world = self_play.arena(lstm_size=3, bptt_length=4, num_tasks=3, past_prob=0.3, **settings)
    learner = self_play.learner(lstm_size=3, bptt_length=4, pool_size=2, num_minibatches=2)

    def one_step(key):
        data, init, draw = world
        k_init, k_draw, k_learner, k_update = jax.random.split(key, 4)
        state, example = draw(k_draw, data, init(k_init, data), None)
        learned = learner[0](k_learner, example)
        return state, learned, learner[1](k_update, learned, example)

    shapes = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            shapes.append(jax.eval_shape(one_step, jax.random.key(0)))
    for a, b in zip(*map(jax.tree.leaves, shapes), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "pins"}, "mode must be one of pucks, blocks, got 'pins'"),
        ({"bob_starts": "here"}, "bob_starts must be 'own' or 'alice', got 'here'"),
        ({"alice_reward": "time"}, "alice_reward must be 'success' or 'timestep', got 'time'"),
        ({"demonstrations": "all"}, "demonstrations must be 'failed' or 'valid', got 'all'"),
        ({"goal_source": "bob"}, "goal_source must be 'alice' or 'uniform' or 'curriculum', got 'bob'"),
        ({"num_tasks": -2}, "num_tasks must be a whole number of at least 0, got -2"),
        ({"past_prob": 1.2}, "past_prob must be a finite number, at least 0.0 and at most 1.0, got 1.2"),
        ({"num_games": 0}, "num_games must be a whole number of at least 1, got 0"),
        ({"alice_steps": -1}, "alice_steps must be a whole number of at least 1, got -1"),
        ({"lstm_size": -1}, "lstm_size must be a whole number of at least 0, got -1"),
        ({"past_prob": np.nan}, "past_prob must be a finite number, .*, got nan"),
        ({"timestep": np.nan}, "timestep must be a finite number, above 0.0, got nan"),
        ({"num_steps": 2.5}, "num_steps must be a whole number of at least 1, got 2.5"),
        ({"num_objects": 0}, "num_objects must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        self_play.arena(**{"num_games": 2, "num_steps": 2} | settings)
