"""The training data of both players: a rollout's steps with advantages, and Alice's demonstrations for Bob.

Letters: A dimensions of an action, B games, F, G, H features (see observations), L steps of a sequence, M size of a
player's memory, N slots of objects, P the two players, R = 1 + T steps of a rollout, S = B R / L sequences.
"""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from self_play import ppo
from self_play.game import ALICE, BOB, PolicyInput
from self_play.moments import Moments, init_moments, normalize, unnormalize, update_moments
from self_play.networks import Inputs, apply, unroll
from self_play.world import Batch


class Normalizers(NamedTuple):
    """The running moments of the networks' inputs and targets."""

    gripper: Moments  # [G]
    objects: Moments  # [F]
    goal: Moments  # [H]
    returns: Moments  # [P]
    advantages: Moments  # [P]


class TrainingData(NamedTuple):
    """One player's training data: sequences of steps [S, L, ..], but for `memory`."""

    inputs: Inputs
    memory: jax.Array  # [S, 2, M] before the first two steps of a sequence, see `networks.unroll`
    restart: jax.Array  # [] bool, the memory does not follow from the step before
    action: jax.Array  # [A] int32, Alice's or Bob's
    old_log_prob: jax.Array  # [] of that action, under the player's policy before the update
    advantage: jax.Array  # [] normalised
    value_target: jax.Array  # [] normalised
    policy_mask: jax.Array  # [] bool, the player's own step
    demo_mask: jax.Array  # [] bool, a demonstration to the player


DECAY = 0.9  # an update, of the moments of returns and advantages, which change as the players learn
BOUND = 10.0  # in standard deviations, of the inputs


def init_normalizers(inputs: Inputs) -> Normalizers:
    """The normalisers before the first batch, of the shapes of one step's inputs."""
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), init_moments(()))
    gripper, objects, goal = (init_moments(leaf.shape[-1:]) for leaf in (inputs.gripper, inputs.objects, inputs.goal))
    return Normalizers(gripper, objects, goal, both, both)


def inputs_of(normalizers: Normalizers, policy_input: PolicyInput, goal: jax.Array, who: jax.Array) -> Inputs:
    """The inputs of one player's networks. goal [.., N, H] Bob's; who: ALICE, whose policy is given none, or BOB."""
    gripper, objects, mask = policy_input.observation
    mask = mask if policy_input.focus is None else policy_input.focus
    value_goal = jnp.where(who == BOB, goal, policy_input.goal)
    raw = (normalizers.gripper, gripper), (normalizers.objects, objects), (normalizers.goal, value_goal)
    gripper, objects, value_goal = (jnp.clip(normalize(moments, x), -BOUND, BOUND) for moments, x in raw)
    time = policy_input.time
    times = jnp.stack([jnp.where(who == BOB, 0.0, time), time], axis=-1)
    goal = jnp.where(who == BOB, value_goal, 0.0)
    return Inputs(gripper, objects, goal, mask, times, value_goal, policy_input.episode)


def prepare(
    player: nn.Module,
    params: Any,
    normalizers: Normalizers,
    batch: Batch,
    *,
    bptt_length: int,
    discount: float,
    gae_lambda: float,
    num_parts: int,
) -> tuple[TrainingData, Normalizers, jax.Array]:
    """Both players' training data from a batch, and the normalisers after it.

    params [P, ..]: of the networks that played it -> (TrainingData [P, S, L, ..], normalizers, explained [P]: fraction
    of the returns' variance that the values explain). num_parts: in which the networks read the sequences, one after
    the other: 33,000 steps in 16 parts, each of which fits a CPU's cache, take a third of the time.
    """
    steps = batch.transitions
    goal = jnp.where(steps.bobs_turn[:, :, None, None], steps.policy_input.goal, batch.demo_goal)
    settings = {"discount": discount, "gae_lambda": gae_lambda}
    evaluate = partial(_evaluate, player, bptt_length, num_parts)
    one = partial(_prepare_one, player, evaluate, normalizers, batch, goal, bptt_length=bptt_length, **settings)
    data, *targets, explained = jax.vmap(one)(jnp.arange(2), params, normalizers.returns, normalizers.advantages)
    return data, Normalizers(*_update_inputs(normalizers, batch, goal), *targets), explained


def _update_inputs(normalizers, batch, goal):
    """The moments of the networks' inputs after a batch: of gripper, objects, goal."""
    steps = batch.transitions
    gripper, objects, mask = steps.policy_input.observation
    here = mask & steps.valid[:, :, None]
    has_goal = here & (steps.bobs_turn | batch.is_demo)[:, :, None]  # observed by Bob, or in a demonstration to him
    return [
        update_moments(moments, x.reshape(-1, x.shape[-1]), mask.ravel().astype(x.dtype))
        for moments, x, mask in (
            (normalizers.gripper, gripper, steps.valid),
            (normalizers.objects, objects, here),
            (normalizers.goal, goal, has_goal),
        )
    ]


def _prepare_one(
    player, evaluate, normalizers, batch, goal, who, params, returns, advantages, *, bptt_length, **settings
):
    """One player's -> (TrainingData, moments of its returns, of its advantages, explained)."""
    steps, last = batch.transitions, jax.tree.map(lambda leaf: leaf[:, who], batch.last)
    policy_mask = steps.valid & (steps.bobs_turn == (who == BOB))
    # The pending step was set aside, so the next one does not follow it; and memory is lost when an episode ends.
    restart = jnp.roll(steps.done[:, :, ALICE], 1, axis=1).at[:, :2].set(True)
    inputs = inputs_of(normalizers, _seen(steps, batch.demo_focus, who), goal, who)
    memory = _memory_of(batch, who)
    along = steps.action, inputs, restart, policy_mask
    log_prob, values = evaluate(params, memory, *along)
    _, last_values, _ = apply(player, params, inputs_of(normalizers, last, last.goal, who), last.memory[:, who])
    values, last_values = (unnormalize(returns, leaf) for leaf in (values, last_values))
    advantage = jax.vmap(partial(ppo.gae, **settings))(
        steps.reward[:, :, who], values, steps.done[:, :, who], policy_mask, last_values
    )
    value_target, weights = advantage + values, policy_mask.ravel().astype(values.dtype)
    left, total = (update_moments(init_moments(()), x.ravel(), weights).variance for x in (advantage, value_target))
    returns = update_moments(returns, value_target.ravel(), weights, decay=DECAY)
    advantages = update_moments(advantages, advantage.ravel(), weights, decay=DECAY)
    of_steps = {
        "inputs": inputs,
        "restart": restart,
        "action": steps.action,
        "old_log_prob": jnp.where(policy_mask, steps.log_prob, log_prob),
        "advantage": normalize(advantages, advantage),
        "value_target": normalize(returns, value_target),
        "policy_mask": policy_mask,
        "demo_mask": batch.is_demo & (who == BOB),
    }
    data = TrainingData(memory=memory, **jax.tree.map(partial(_in_sequences, bptt_length), of_steps))
    if batch.earlier is not None:
        earlier = _of_earlier(evaluate, normalizers, batch, who, params, bptt_length)
        data = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), data, earlier)
    explained = 1 - left / jnp.maximum(total, 1e-8)
    return data, returns, advantages, explained


def _seen(steps, demo_focus, who):
    """What a player is shown of the steps: Bob, in Alice's, what he would have looked at."""
    seen = steps.policy_input
    if demo_focus is None:
        return seen
    shown = (who == BOB) & ~steps.bobs_turn
    return seen._replace(focus=jnp.where(shown[:, :, None], demo_focus, seen.focus))


def _of_earlier(evaluate, normalizers, batch, who, params, bptt_length):
    """TrainingData of demonstrations that began in earlier rollouts: what Bob remembers of before her turn is loaded.

    What he would remember of it where a second sequence begins is not known; it begins as the first.
    """
    (steps, goal, is_demo, focus), (num_games, num_steps) = batch.earlier, batch.earlier.is_demo.shape
    num_sequences = num_steps // bptt_length
    memory = jnp.repeat(batch.memory[:, 0, who], 2 * num_sequences, axis=0).reshape(num_games * num_sequences, 2, -1)
    inputs, no = inputs_of(normalizers, _seen(steps, focus, who), goal, who), jnp.zeros_like(is_demo)
    log_prob, _ = evaluate(params, memory, steps.action, inputs, no, no)
    of_steps = {
        "inputs": inputs,
        "restart": no,
        "action": steps.action,
        "old_log_prob": log_prob,
        "advantage": jnp.zeros_like(log_prob),
        "value_target": jnp.zeros_like(log_prob),
        "policy_mask": no,
        "demo_mask": is_demo & (who == BOB),
    }
    return TrainingData(memory=memory, **jax.tree.map(partial(_in_sequences, bptt_length), of_steps))


def _memory_of(batch, who):
    """The memory of one player that each sequence may load: [S, 2, M]."""
    first = batch.memory[:, :, who]
    second = jnp.zeros_like(first).at[:, 0].set(batch.start_memory[:, who])
    both = jnp.stack([first, second], axis=2)
    return both.reshape(both.shape[0] * both.shape[1], *both.shape[2:])


def _evaluate(player, bptt_length, num_parts, params, memory, action, inputs, *flags):
    """A player's log-probabilities of actions [B, R, A], and its values: [B, R] each. flags: as in `unroll`."""
    shape = action.shape[:2]
    action, inputs, *flags = jax.tree.map(partial(_in_sequences, bptt_length), (action, inputs, *flags))

    def one(sequence):  # its axis of size 1 costs nothing where there is no gradient
        action, *along = jax.tree.map(lambda leaf: leaf[None], sequence)
        logits, values = unroll(player, params, *along)
        return jax.vmap(jax.vmap(ppo.log_prob))(logits, action)[0], values[0]

    sequences, size = (action, inputs, memory, *flags), -(-len(action) // num_parts)
    results = jax.vmap(one)(sequences) if num_parts == 1 else jax.lax.map(one, sequences, batch_size=size)
    return jax.tree.map(lambda leaf: leaf.reshape(shape), results)


def _in_sequences(bptt_length, leaf):
    """[B, R, ..] -> [S, L, ..]."""
    num_games, num_steps, *rest = leaf.shape
    return leaf.reshape(num_games * num_steps // bptt_length, bptt_length, *rest)
