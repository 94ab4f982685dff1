"""Games on a table of a few lines whose two objects go where they are told, played by a script."""

import jax
import jax.numpy as jnp
import numpy as np

import self_play
from self_play import goals, world
from self_play.goals import Poses
from self_play.observations import Observation, State

TABLE, AREA, MARGIN = (0.3, 0.3), ((-0.3, -0.15, 0.0), (0.15, 0.15, 0.2)), 0.02
STRIDE = 0.0093  # m, what a unit of an action moves its object in x


def toy_table():
    """Two slots of objects on a line; the second is there in some games. Action i moves object i."""
    none = goals.symmetries_of("none")

    def poses(state):
        return Poses(state.q, jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (2, 1)))

    def reset(key):
        k_place, k_number = jax.random.split(key)
        x = jax.random.uniform(k_place, (2, 1), minval=-0.25, maxval=0.0)
        mask = jnp.array([True, False]) | jax.random.bernoulli(k_number)
        zero = jnp.zeros(2)
        return State(jnp.pad(x, ((0, 0), (0, 2))), zero, zero, zero, zero, jnp.zeros(()), jnp.zeros((2, 1), bool), mask)

    def step(state, action):
        return state._replace(q=state.q.at[:, 0].add(STRIDE * (action - 5)))

    return self_play.Tabletop(
        scene=self_play.scene.pucks(),
        reset=reset,
        place=None,
        step=step,
        poses=poses,
        observe=lambda state: Observation(jnp.zeros(1), state.q, state.mask),
        observe_goal=lambda now, goal, mask: jnp.where(mask[:, None], goal.position - now.position, 0.0),
        judge=lambda start, goal, mask: goals.judge(start, goal, mask, none, table=TABLE, area=AREA),
        reached=lambda now, goal, mask: goals.reached(now, goal, mask, none),
    )


NUM_GAMES, NUM_STEPS = 24, 90


def player(policy_input):
    """Alice strides to the right, Bob to his goals, both unsteadily. Alice's memory counts her steps, Bob's his."""
    hers = jnp.full_like(policy_input.goal[:, :, 0], 7.0)
    his = 5 + jnp.clip(policy_input.goal[:, :, 0] / STRIDE, -5, 5)
    wish = jnp.stack([hers, his], axis=1)[..., None]
    logits = -0.15 * (wish - jnp.arange(11.0)[None, None, None]) ** 2
    return logits, policy_input.memory + jnp.array([[[1.0, 0.0], [0.0, 1.0]]])


def play(rules, num_draws=1, act=player, bptt_length=1):
    """-> (batches, what stands at the end), in NumPy."""
    table = toy_table()
    state = jax.jit(lambda key: world.init_games(table, rules, 2, key, NUM_GAMES))(jax.random.key(0))
    draw = jax.jit(lambda key, state: world.play(table, rules, NUM_STEPS, act, key, state, bptt_length=bptt_length))
    batches = []
    for i in range(num_draws):
        state, batch = draw(jax.random.key(i + 1), state)
        batches.append(jax.tree.map(np.array, batch))
    return batches, state


def steps_of(batches):
    """All steps of the batches but the pending ones, one after the other. [B, T, ..]"""
    return jax.tree.map(
        lambda *leaves: np.concatenate([leaf[:, 1:] for leaf in leaves], axis=1), *[b.transitions for b in batches]
    )
