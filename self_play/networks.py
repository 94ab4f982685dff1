"""Alice's and Bob's networks: an embedding of each object, pooled over the objects, and a memory (B.4, figure 12).

Letters: A dimensions of an action, F, G, H features (see observations), M size of a player's memory, N slots of
objects, L rows of a sequence.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from self_play.arena import NUM_BINS


class Inputs(NamedTuple):
    """What a player sees, on the networks' scale."""

    gripper: jax.Array  # [G]
    objects: jax.Array  # [N, F]
    goal: jax.Array  # [N, H], zero for Alice
    mask: jax.Array  # [N] bool


class Body(nn.Module):
    """From what is seen to `num_outputs` numbers. The order of the objects does not count.

    The paper gives no widths, and says what is pooled only in a figure: here each object with its goal is embedded, and
    the gripper joins after the pooling.
    """

    embedding: int
    widths: Sequence[int]
    lstm: int  # units, 0 for a body without memory
    num_outputs: int
    scale: float  # of the last layer's first weights

    @nn.compact
    def __call__(self, inputs, memory):
        """(Inputs [..], memory [.., M / 2]) -> (outputs [.., num_outputs], memory)."""
        each = nn.Dense(self.embedding)(jnp.concatenate([inputs.objects, inputs.goal], axis=-1))
        here = inputs.mask[..., None]
        pooled = jnp.max(jnp.where(here, each, -jnp.inf), axis=-2)
        pooled = jnp.where(jnp.any(here, axis=-2), pooled, 0.0)
        x = nn.relu(jnp.concatenate([pooled, nn.Dense(self.embedding)(inputs.gripper)], axis=-1))
        for width in self.widths:
            x = nn.relu(nn.Dense(width)(x))
        if self.lstm:
            cell, output = jnp.split(memory, 2, axis=-1)
            carry, x = nn.OptimizedLSTMCell(self.lstm)((cell, output), x)
            memory = jnp.concatenate(carry, axis=-1)
        answer = nn.Dense(self.num_outputs, kernel_init=nn.initializers.orthogonal(self.scale), name="answer")
        return answer(x), memory


class Player(nn.Module):
    """A policy and a value, which share nothing.

    M is 4 * lstm: a cell and an output of each unit, of the policy and then of the value.
    """

    num_dimensions: int  # A
    embedding: int = 64
    widths: Sequence[int] = (64,)
    lstm: int = 0

    @nn.compact
    def __call__(self, inputs, memory):
        """(Inputs [..], memory [.., M]) -> (logits [.., A, NUM_BINS], value [..], memory)."""
        of_policy, of_value = jnp.split(memory, 2, axis=-1)
        num_outputs = self.num_dimensions * NUM_BINS
        policy = Body(self.embedding, self.widths, self.lstm, num_outputs, 0.01, name="policy")
        value = Body(self.embedding, self.widths, self.lstm, 1, 1.0, name="value")
        logits, of_policy = policy(inputs, of_policy)
        returned, of_value = value(inputs, of_value)
        logits = logits.reshape(*logits.shape[:-1], self.num_dimensions, NUM_BINS)
        return logits, returned[..., 0], jnp.concatenate([of_policy, of_value], axis=-1)


def answers(player: Player, params: Any, inputs: Inputs, memory: jax.Array) -> Any:
    """What a player's networks say: (logits [.., A, NUM_BINS], value [..], memory [.., M])."""
    return player.apply(params, inputs, memory)


def over_rows(
    player: Player, params: Any, inputs: Inputs, memory: jax.Array, restarts: jax.Array, own: jax.Array
) -> Any:
    """A player's logits [L, A, bins] and values [L] along a sequence, through which gradients flow back.

    memory [L, M]: as it was when the game was played; it is taken up at the first row and where restarts [L] say so.
    own [L]: the player's own rows. In the others, Alice's demonstrations to Bob, a copy of his memory follows hers from
    where his own stands, and is forgotten when his turn comes: the paper leaves open what he remembers there.
    """
    if not player.lstm:
        return answers(player, params, inputs, memory)[:2]

    def one(carry, row):
        inputs, stored, restart, mine = row
        standing, following = jax.tree.map(lambda leaf: jnp.where(restart, stored, leaf), carry)
        logits, value, after = answers(player, params, inputs, jnp.where(mine, standing, following))
        return (jnp.where(mine, after, standing), after), (logits, value)

    restarts = restarts.at[0].set(True)
    return jax.lax.scan(one, (memory[0], memory[0]), (inputs, memory, restarts, own))[1]
