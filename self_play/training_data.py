"""What a rollout teaches each player: its rows with their advantages, and Alice's demonstrations.

Letters: A dimensions of an action, B games, F, G, H features (see observations), L rows of a sequence, M size of a
player's memory, N slots of objects, P the two players, R = 1 + T rows of a rollout, S = B R / L sequences.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import ppo
from self_play.game import ALICE, BOB, Seen
from self_play.networks import Inputs, Player, answers, over_rows
from self_play.normalise import Moments, no_moments, restore, see_more, standardise
from self_play.world import Batch


class Scales(NamedTuple):
    """The running moments of what is seen and of what is learned from."""

    gripper: Moments  # [G]
    objects: Moments  # [F]
    goal: Moments  # [H]
    returns: Moments  # [P]
    advantages: Moments  # [P]


class Lesson(NamedTuple):
    """What one player learns from: sequences of rows [S, L, ..]."""

    inputs: Inputs
    memory: jax.Array  # [M] as it was in the game
    restart: jax.Array  # [] bool, the memory is taken up afresh
    action: jax.Array  # [A] int32, whoever's it was
    old_log_prob: jax.Array  # [] in the policy of the player when it was played, or shown
    advantage: jax.Array  # [] standardised
    returned: jax.Array  # [] standardised
    own: jax.Array  # [] bool, the player moved
    shown: jax.Array  # [] bool, a demonstration to the player


DECAY = 0.9  # an update: how long the moments of returns and advantages remember; both change as the players learn
BOUND = 10.0  # in deviations, on what is seen


def no_scales(inputs: Inputs) -> Scales:
    """Those of no batch, of the shapes of one row's inputs."""
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), no_moments(()))
    gripper, objects, goal = (no_moments(leaf.shape[-1:]) for leaf in (inputs.gripper, inputs.objects, inputs.goal))
    return Scales(gripper, objects, goal, both, both)


def inputs_of(scales: Scales, seen: Seen, goal: jax.Array, who: jax.Array) -> Inputs:
    """What one player's networks are given. goal [.., N, H]; Alice is given none."""
    observation = seen.observation
    raw = (scales.gripper, observation.gripper), (scales.objects, observation.objects), (scales.goal, goal)
    gripper, objects, goal = (jnp.clip(standardise(moments, x), -BOUND, BOUND) for moments, x in raw)
    return Inputs(gripper, objects, jnp.where(who == BOB, goal, 0.0), observation.mask)


def lessons(
    player: Player,
    params: Any,
    scales: Scales,
    batch: Batch,
    *,
    chunk: int,
    discount: float,
    gae_lambda: float,
) -> tuple[Lesson, Scales, jax.Array]:
    """What a batch teaches both players, by the networks that played it, and the scales with it.

    params [P, ..] -> (Lesson [P, S, L, ..], scales, explained [P]: of the variance of returns, by the values).
    """
    rows = batch.rows
    goal = jnp.where(rows.bobs_turn[:, :, None, None], rows.seen.goal, batch.demonstrated)
    settings = {"chunk": chunk, "discount": discount, "gae_lambda": gae_lambda}
    teach = partial(_lesson, player, scales, batch, goal, **settings)
    players = jnp.arange(2)
    both, *learned_from, explained = jax.vmap(teach)(players, params, scales.returns, scales.advantages)
    here = rows.seen.observation.mask & rows.real[:, :, None]
    sought = here & (rows.bobs_turn | batch.shows)[:, :, None]  # as Bob saw it, or would have
    seen = [
        see_more(moments, x.reshape(-1, x.shape[-1]), counts.ravel().astype(x.dtype))
        for moments, x, counts in (
            (scales.gripper, rows.seen.observation.gripper, rows.real),
            (scales.objects, rows.seen.observation.objects, here),
            (scales.goal, goal, sought),
        )
    ]
    return both, Scales(*seen, *learned_from), explained


def _lesson(player, scales, batch, goal, who, params, returns, advantages, *, chunk, discount, gae_lambda):
    """One player's: (Lesson, moments of its returns, of its advantages, explained)."""
    rows = batch.rows
    num_games, num_rows = rows.real.shape
    own = rows.real & (rows.bobs_turn == (who == BOB))
    # The first row was set aside, so the second does not follow it; and memory is lost when an episode ends.
    restart = jnp.roll(rows.done[:, :, ALICE], 1, axis=1).at[:, :2].set(True)

    def in_sequences(leaf):
        return leaf.reshape(num_games * num_rows // chunk, chunk, *leaf.shape[2:])

    inputs, memory = inputs_of(scales, rows.seen, goal, who), rows.seen.memory[:, :, who]
    logits, values = jax.vmap(partial(over_rows, player, params))(
        *jax.tree.map(in_sequences, (inputs, memory, restart, own))
    )
    log_prob, values = (
        leaf.reshape(num_games, num_rows)
        for leaf in (jax.vmap(jax.vmap(ppo.log_prob))(logits, in_sequences(rows.action)), restore(returns, values))
    )
    last = jax.tree.map(lambda leaf: leaf[:, who], batch.last)
    _, last_values, _ = answers(player, params, inputs_of(scales, last, last.goal, who), last.memory[:, who])
    advantage = jax.vmap(partial(ppo.gae, discount=discount, gae_lambda=gae_lambda))(
        rows.reward[:, :, who], values, rows.done[:, :, who], own, restore(returns, last_values)
    )
    returned, weights = advantage + values, own.ravel().astype(values.dtype)
    left, spread = (see_more(no_moments(()), x.ravel(), weights).variance for x in (advantage, returned))
    returns = see_more(returns, returned.ravel(), weights, decay=DECAY)
    advantages = see_more(advantages, advantage.ravel(), weights, decay=DECAY)
    lesson = Lesson(
        inputs=inputs,
        memory=memory,
        restart=restart,
        action=rows.action,
        old_log_prob=jnp.where(own, rows.log_prob, log_prob),
        advantage=standardise(advantages, advantage),
        returned=standardise(returns, returned),
        own=own,
        shown=batch.shows & (who == BOB),
    )
    return jax.tree.map(in_sequences, lesson), returns, advantages, 1 - left / jnp.maximum(spread, 1e-8)
