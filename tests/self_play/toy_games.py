"""Games on a table of a few lines, where an action is where the one object goes next, and a small learner of them."""

import functools

import jax
import jax.numpy as jnp

import self_play
from self_play import goals, networks, scene, world
from self_play.game import Rules
from self_play.goals import Poses
from self_play.observations import Observation, State

RULES = Rules(alice_steps=4, bob_steps=8, max_goals=3, bob_starts="own")
NUM_GAMES, NUM_STEPS = 32, 23


def toy_table():
    """One object, which an action moves by up to 5 cm in x and y."""
    none = goals.symmetries_of("none")
    judge = functools.partial(goals.judge, symmetries=none, table=(0.3, 0.3), area=((-0.2, -0.2, 0.0), (0.2, 0.2, 0.2)))

    def reset(key):
        q = jax.random.uniform(key, (1, 3), minval=-0.1, maxval=0.1)
        return State(
            q.at[:, 2].set(0.0), *4 * [jnp.zeros(2)], jnp.zeros(()), jnp.zeros((1, 1), bool), jnp.ones(1, bool)
        )

    return self_play.Tabletop(
        scene=scene.pucks(),
        reset=reset,
        place=None,
        step=lambda state, action: state._replace(q=state.q.at[0, :2].add(0.01 * (action - 5))),
        poses=lambda state: Poses(state.q, jnp.array([[1.0, 0.0, 0.0, 0.0]])),
        observe=lambda state: Observation(jnp.ones(3), state.q, state.mask),
        observe_goal=lambda now, goal, mask: goal.position - now.position,
        judge=judge,
        reached=lambda now, goal, mask: goals.reached(now, goal, mask, none),
    )


def anything(policy_input):
    return jnp.zeros((NUM_GAMES, 2, 2, 11)), policy_input.memory


def settle(lstm_size=0, **settings):
    """A learner: one step of Adam an update, unless `settings` say otherwise."""
    once = {"embedding": 16, "widths": (16,), "max_norm": 1e9, "sample_reuse": 1, "num_minibatches": 1}
    return self_play.learner(**{**once, "lstm_size": lstm_size, "bptt_length": 12 if lstm_size else 1, **settings})


@functools.cache
def games(lstm_size=0):
    """-> (their state, draw(key, state, learner's state) -> (state, batch), an example)."""
    table, predict = toy_table(), settle(lstm_size)[2]
    state = jax.jit(lambda key: world.init_games(table, RULES, networks.memory_size(lstm_size), key, NUM_GAMES))(
        jax.random.key(0)
    )

    def draw(key, state, learned):
        act = anything if learned is None else functools.partial(predict, learned)
        return world.play(table, RULES, NUM_STEPS, act, key, state, bptt_length=12 if lstm_size else 1)

    shapes = jax.eval_shape(lambda: draw(jax.random.key(0), state, None))[1]
    return state, jax.jit(draw), jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def begin(lstm_size=0, **settings):
    return jax.jit(settle(lstm_size, **settings)[0])(jax.random.key(1), games(lstm_size)[2])


@functools.partial(jax.jit, static_argnums=(0, 1))
def update(lstm_size, sequence_fraction, key, state, batch, cloning_weight=0.5, learning_rate=3e-4):
    rates = {"cloning_weight": cloning_weight, "learning_rate": learning_rate}
    return settle(lstm_size, sequence_fraction=sequence_fraction, **rates)[1](key, state, batch)
