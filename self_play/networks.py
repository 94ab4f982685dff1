"""Alice's and Bob's networks: an embedding of each object, pooled over the objects, and an LSTM (B.4, figure 12).

Letters: A dimensions of an action, F, G, H features (see observations), M size of a player's memory, N slots of
objects, S sequences of L steps.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from self_play.tabletop import NUM_BINS

HEAD = "answer"  # name of the last layer in `params`: flax derives the initial values from it


class Inputs(NamedTuple):
    """What a player's networks read: a normalised PolicyInput."""

    gripper: jax.Array  # [G]
    objects: jax.Array  # [N, F]
    goal: jax.Array  # [N, H], zero for Alice
    mask: jax.Array  # [N] bool
    time: jax.Array  # [2] of the turn so far: for the policy, 0 for Bob's, and for the value
    value_goal: jax.Array  # [N, H] Bob's goal; for Alice where her objects stood when her turn began
    episode: jax.Array  # [2] see PolicyInput


def memory_size(lstm_size: int) -> int:
    """M: a cell and an output of each LSTM unit, for the policy and for the value."""
    return 4 * lstm_size


class Torso(nn.Module):
    """One network, from Inputs to `num_outputs` numbers. The order of the objects does not matter.

    The paper gives no widths, and only its figure says what is pooled. Here each object is embedded together with its
    goal by a linear layer, and the gripper's embedding joins after the pooling: a maximum, as in the paper, or with
    `attention` a mean, see `_attended`. A maximum of linear functions cannot tell which object is not at its goal.
    """

    embedding: int
    attention: bool
    widths: Sequence[int]
    lstm_size: int  # units, 0 for no LSTM
    num_outputs: int
    scale: float  # of the last layer's initial weights

    @nn.compact
    def __call__(self, inputs, time, memory):
        """(Inputs [..], time [.., 0 to 3], memory [.., M / 2]) -> (outputs [.., num_outputs], memory)."""
        each = _rows(nn.Dense(self.embedding), jnp.concatenate([inputs.objects, inputs.goal], axis=-1))
        pooled = self._attended(inputs, each) if self.attention else _greatest(each, inputs.mask)
        own = nn.Dense(self.embedding)(jnp.concatenate([inputs.gripper, time], axis=-1))
        x = nn.relu(jnp.concatenate([pooled, own], axis=-1))
        for width in self.widths:
            x = nn.relu(nn.Dense(width)(x))
        if self.lstm_size:
            cell, output = jnp.split(memory, 2, axis=-1)
            carry, x = nn.OptimizedLSTMCell(self.lstm_size)((cell, output), x)
            memory = jnp.concatenate(carry, axis=-1)
        head = nn.Dense(self.num_outputs, kernel_init=nn.initializers.orthogonal(self.scale), name=HEAD)
        return head(x), memory

    def _attended(self, inputs, each):
        """A mean of the embeddings [.., N, E], weighted by attention, and what all objects together add to it [.., E].

        A network of an object, its goal and the gripper gives its weight. It begins with equal weights and adds
        nothing, so for one object the torso begins as that without attention.
        """
        gripper = jnp.broadcast_to(inputs.gripper[..., None, :], (*inputs.mask.shape, inputs.gripper.shape[-1]))
        seen = jnp.concatenate([inputs.objects, inputs.goal, gripper], axis=-1)
        seen = nn.relu(_rows(nn.Dense(self.embedding, name="seen"), seen))
        zeros = nn.initializers.zeros
        score = _rows(nn.Dense(1, use_bias=False, kernel_init=zeros, name="score"), seen)
        here = inputs.mask[..., None]
        weight = jnp.where(here, nn.softmax(jnp.where(here, score, -1e9), axis=-2), 0.0)
        scene = nn.Dense(self.embedding, use_bias=False, kernel_init=zeros, name="scene")
        return jnp.sum(weight * each, axis=-2) + scene(_greatest(seen, inputs.mask))


def _rows(layer, x):
    """A layer of all that lies along the last axis of x [.., F], as one product of two matrices.

    XLA:CPU takes half as long again for the gradient of a product whose operand has more axes.
    """
    return layer(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], layer.features)


def _greatest(each, mask):
    """The maximum over the objects that are there, or zeros. [.., N, E], [.., N] -> [.., E].

    Object by object, which XLA fuses with what comes next, and its gradient too; a reduction stands by itself.
    """
    here = mask[..., None]
    slots = jnp.where(here, each, -jnp.inf)
    pooled = reduce(jnp.maximum, [slots[..., i, :] for i in range(mask.shape[-1])])
    return jnp.where(jnp.any(here, axis=-2), pooled, 0.0)


class Player(nn.Module):
    """A policy and a value, which share no parameters.

    A memory of None, at the start of an episode, is one of zeros. With `sees_time` both values and Alice's policy see
    how far the turn is; Bob's policy never does, for exams are longer. With `privileged_critic` the values also see
    what no policy does: the number of goals resolved, that Bob has not failed, and Alice's where her objects stood.
    """

    num_dimensions: int  # A
    embedding: int = 64
    widths: Sequence[int] = (64,)
    lstm_size: int = 0
    sees_time: bool = False
    attention: bool = False
    privileged_critic: bool = False

    @nn.compact
    def __call__(self, inputs, memory):
        """(Inputs [..], memory [.., M] or None) -> (logits [.., A, NUM_BINS], value [..], memory [.., M])."""
        if memory is None:
            memory = jnp.zeros((*inputs.gripper.shape[:-1], memory_size(self.lstm_size)), jnp.float32)
        of_policy, of_value = jnp.split(memory, 2, axis=-1)
        num_outputs = self.num_dimensions * NUM_BINS
        layers = self.embedding, self.attention, self.widths, self.lstm_size
        policy = Torso(*layers, num_outputs, 0.01, name="policy")
        value = Torso(*layers, 1, 1.0, name="value")
        times = [inputs.time[..., i : i + self.sees_time] for i in range(2)]
        logits, of_policy = policy(inputs, times[0], of_policy)
        if self.privileged_critic:
            times[1] = jnp.concatenate([times[1], inputs.episode], axis=-1)
            inputs = inputs._replace(goal=inputs.value_goal)
        values, of_value = value(inputs, times[1], of_value)
        logits = logits.reshape(*logits.shape[:-1], self.num_dimensions, NUM_BINS)
        return logits, values[..., 0], jnp.concatenate([of_policy, of_value], axis=-1)


_NOT_SET = ("num_dimensions", "parent", "name")  # the scene's, and flax's own
SETTINGS = tuple(field.name for field in dataclasses.fields(Player) if field.name not in _NOT_SET)  # of `learner`


def num_dimensions_of(params: Any) -> int:
    """A of the player with these parameters."""
    return params["params"]["policy"][HEAD]["bias"].shape[-1] // NUM_BINS


def apply(player: nn.Module, params: Any, inputs: Inputs, memory: jax.Array | None) -> Any:
    """One step of a player's networks -> (logits [.., A, NUM_BINS], value [..], memory [.., M])."""
    return player.apply(params, inputs, memory)


def unroll(
    player: nn.Module, params: Any, inputs: Inputs, memory: jax.Array, restarts: jax.Array, policy_mask: jax.Array
) -> Any:
    """A player's logits [S, L, A, NUM_BINS] and values [S, L] along sequences. Gradients flow back through all of them.

    memory [S, 2, M]: as it was in the game before the first two steps. The first is loaded at the first step, the other
    at the second if restarts [S, L] is True there; at a later restart an episode begins, and its memory is zero.
    policy_mask [S, L]: the player's own steps. The others are Alice's demonstrations to Bob. On these a scratch memory,
    started from Bob's, is advanced; it is discarded when Bob acts again. The paper leaves open what Bob remembers of a
    demonstration.
    """
    if memory.shape[-1]:
        return jax.vmap(partial(_unroll_one, player, params))(inputs, memory, restarts, policy_mask)
    steps = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), inputs)  # one axis, see `_rows`
    logits, values, _ = apply(player, params, steps, None)
    return logits.reshape(*restarts.shape, *logits.shape[1:]), values.reshape(restarts.shape)


def _unroll_one(player, params, inputs, memory, restarts, policy_mask):
    """Along one sequence with memory."""

    def one(carry, step):
        i, inputs, restart, own = step
        stored = jnp.where(i == 0, memory[0], jnp.where(i == 1, memory[1], 0.0))
        kept, scratch = jax.tree.map(lambda leaf: jnp.where(restart, stored, leaf), carry)
        logits, value, after = apply(player, params, inputs, jnp.where(own, kept, scratch))
        return (jnp.where(own, after, kept), after), (logits, value)

    along = jnp.arange(len(restarts)), inputs, restarts, policy_mask
    return jax.lax.scan(one, (memory[0], memory[0]), along)[1]
