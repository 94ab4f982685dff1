"""Cross-play: how each version of Bob does on the goals of each version of Alice (figure 6).

Letters: P the two players, V versions.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from self_play import opponents, world
from self_play.game import ALICE, BOB
from self_play.ppo_learner import State


def versions_of(state: State, pool_every: int) -> tuple[Any, list[int]]:
    """The versions in the pool, oldest first, and the present one, and the number of updates of each.

    -> ((parameters [V, P, ..], normalizers [V, ..]), updates). pool_every: the learner's. Raises ValueError without a
    pool. Not for jit.
    """
    if state.pool is None:
        raise ValueError("the learner keeps no past versions: set its pool_size")
    past, updates = opponents.in_order(state.pool, pool_every)
    present = state.params, state.normalizers
    versions = jax.tree.map(lambda past, now: jnp.concatenate([past, now[None]]), past, present)
    return versions, [*updates, int(state.pool.count)]


def play_versions(setup: world.Setup, predict: Callable, versions: Any, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Each Alice with each Bob, one pair after the other: the goals that Bob reached and those that he tried [V, V].

    Alice's versions are rows, Bob's columns. Every pair plays setup.num_steps of setup.num_games; each observes by its
    own normalizers, and Bob's gripper begins as in an exam. setup: see `world.setup`; its past_prob does not count.
    predict: the learner's. versions: see `versions_of`. The key is consumed.
    """
    table = setup.table
    shares = None if setup.rules.bob_shares is None else "exam"
    rules = setup.rules._replace(past_prob=0.0, bob_head_starts=0.0, bob_shares=shares)
    num_versions = len(jax.tree.leaves(versions)[0])

    def one(pair):
        *numbers, key = pair
        alice, bob = (jax.tree.map(lambda leaf, i=i: leaf[i], versions) for i in numbers)
        k_init, k_play = jax.random.split(key)
        sizes = setup.num_games, setup.num_tasks, setup.bptt_length
        games = world.init_games(table, rules, setup.memory_size, k_init, *sizes)

        def act(policy_input):
            hers, his = (predict(State(one[0], (), one[1], None), policy_input) for one in (alice, bob))
            return jax.tree.map(lambda a, b: jnp.stack([a[:, ALICE], b[:, BOB]], axis=1), hers, his)

        _, batch = world.play(table, rules, setup.num_steps, act, k_play, games, bptt_length=setup.bptt_length)
        steps = batch.transitions
        tried = steps.resolved & steps.bobs_turn
        return jnp.sum(tried & steps.success), jnp.sum(tried)

    alice, bob = (indices.ravel() for indices in jnp.indices((num_versions, num_versions)))
    counts = jax.lax.map(one, (alice, bob, jax.random.split(key, len(alice))))
    reached, tried = (leaf.reshape(num_versions, num_versions) for leaf in counts)
    return reached, tried
