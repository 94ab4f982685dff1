"""Alice and Bob learn from the games they play: PPO for both, and Bob from Alice's demonstrations (algorithm 1).

Letters: as in `lessons`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from self_play import ppo
from self_play.arena import NUM_BINS
from self_play.cloning import cloning_loss
from self_play.lessons import Scales, inputs_of, lessons, no_scales
from self_play.metrics import mean, of_games
from self_play.networks import Inputs, Player, answers, over_rows
from self_play.past import Past, keep, no_past, version


class State(NamedTuple):
    """All that both players have learned."""

    params: Any  # a leading axis P on every leaf
    optimizer: optax.OptState  # likewise
    scales: Scales
    past: Past | None  # None where no past versions are kept


class Loss(NamedTuple):
    """The parts of a player's loss, and their constants (Table 2)."""

    clip: float
    value_weight: float
    entropy_weight: float
    cloning_weight: float
    cloning_clip: float | None
    cloning_literal: bool


def learner(
    *,
    embedding: int = 64,
    widths: Sequence[int] = (64,),
    lstm: int = 0,
    chunk: int = 1,
    discount: float = 0.998,
    gae_lambda: float = 0.95,
    clip: float = 0.2,
    value_weight: float = 1.0,
    entropy_weight: float = 0.01,
    cloning_weight: float = 0.5,
    cloning_clip: float | None = 0.2,
    cloning_literal: bool = False,
    learning_rate: float = 3e-4,
    max_norm: float = 0.5,
    sample_reuse: int = 3,
    num_minibatches: int = 4,
    share: float = 1.0,
    num_past: int = 0,
    past_every: int = 10,
) -> tuple[Callable, Callable, Callable]:
    """Asymmetric self-play: (init, update, predict) of a Learner for `arena`'s World. The defaults are the paper's.

    embedding, widths, lstm: of `networks.Player`; the world's memory_size is 4 * lstm. chunk: rows of a sequence
      through which gradients flow back, 1 where there is no memory; it divides 1 + num_steps of the world.
    clip, value_weight, entropy_weight: of `ppo`. cloning_weight, cloning_clip, cloning_literal: of `cloning_loss`; a
      weight of 0 leaves PPO alone.
    max_norm: to which a player's gradient is clipped; the paper names none. sample_reuse: epochs an update, each of
      num_minibatches steps of Adam. share: of an epoch's sequences, so many at most are learned from by each player,
      chosen at random. A row is Alice's or Bob's, so of all sequences about half would be filling.
    num_past, past_every: so many versions are kept, one in so many updates; the world's past_share needs some.
    """
    _check(
        lstm,
        share,
        num_past,
        chunk=chunk,
        sample_reuse=sample_reuse,
        num_minibatches=num_minibatches,
        past_every=past_every,
    )
    tx = optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(learning_rate))
    weighs = Loss(clip, value_weight, entropy_weight, cloning_weight, cloning_clip, cloning_literal)

    def player_of(num_dimensions):
        return Player(num_dimensions, embedding, tuple(widths), lstm)

    def init(key, example):
        rows = example.rows
        _check_rows(rows, lstm, chunk, num_minibatches, share)
        seen, action = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[2:], leaf.dtype), (rows.seen, rows.action))
        inputs = Inputs(seen.observation.gripper, seen.observation.objects, seen.goal, seen.observation.mask)
        player = player_of(len(action))
        params = jax.vmap(lambda key: player.init(key, inputs, seen.memory[0]))(jax.random.split(key, 2))
        past = no_past(params, num_past) if num_past else None
        return State(params, jax.vmap(tx.init)(params), no_scales(inputs), past)

    def update(key, state, batch):
        player = player_of(batch.rows.action.shape[-1])
        batch = batch._replace(shows=batch.shows & (cloning_weight > 0))
        both, scales, explained = lessons(
            player, state.params, state.scales, batch, chunk=chunk, discount=discount, gae_lambda=gae_lambda
        )
        learn = partial(_learn, player, tx, weighs, sample_reuse, num_minibatches, share)
        k_learn, k_past = jax.random.split(key)
        params, optimizer, metrics = jax.vmap(learn)(jax.random.split(k_learn, 2), state.params, state.optimizer, both)
        metrics["explained_variance"] = explained
        by_player = {f"{name}_{of}": values[i] for i, name in enumerate(NAMES) for of, values in metrics.items()}
        past = keep(k_past, state.past, params, past_every) if num_past else None
        return State(params, optimizer, scales, past), {**of_games(batch), **by_player}

    def predict(state, seen):
        """Seen [B, ..] -> (logits [B, P, A, NUM_BINS], memory [B, P, M])."""
        player = player_of(state.params["params"]["policy"]["answer"]["bias"].shape[-1] // NUM_BINS)

        def one(who, params, memory):
            logits, _, memory = answers(player, params, inputs_of(state.scales, seen, seen.goal, who), memory)
            return logits, memory

        both = jax.vmap(one, in_axes=(0, 0, 1), out_axes=1)
        present = both(jnp.arange(2), state.params, seen.memory)
        if not num_past:
            return present

        def mixed():
            before = both(jnp.arange(2), version(state.past), seen.memory)
            return jax.tree.map(lambda a, b: jax.vmap(jax.vmap(jnp.where))(seen.past, a, b), before, present)

        return jax.lax.cond(jnp.any(seen.past), mixed, lambda: present)

    return init, update, predict


NAMES = ("alice", "bob")  # by game.ALICE, game.BOB


def _learn(player, tx, weighs, sample_reuse, num_minibatches, share, key, params, optimizer, lesson):
    """One player learns its lesson. The key is consumed. -> (params, optimizer, mean metrics of all steps)."""
    num_sequences = lesson.own.shape[0]
    size = int(share * num_sequences) // num_minibatches
    empty = ~jnp.any(lesson.own | lesson.shown, axis=1)

    def step(carry, picked):
        params, optimizer = carry
        part = jax.tree.map(lambda leaf: leaf[picked], lesson)
        gradient, metrics = jax.grad(_loss, argnums=2, has_aux=True)(player, weighs, params, part)
        updates, optimizer = tx.update(gradient, optimizer, params)
        return (optax.apply_updates(params, updates), optimizer), metrics

    def epoch(carry, i):
        order = _shuffled(jax.random.fold_in(key, i), empty)
        # Dealt out in turn, so that no minibatch has more of the filling than another.
        picked = order[: size * num_minibatches].reshape(size, num_minibatches).T
        return jax.lax.scan(step, carry, picked)

    (params, optimizer), metrics = jax.lax.scan(epoch, (params, optimizer), jnp.arange(sample_reuse))
    return params, optimizer, jax.tree.map(jnp.mean, metrics)


def _shuffled(key, empty):
    """The sequences in random order, the empty ones last. empty [S] bool -> [S]. The key is consumed.

    Each is a number of 32 bits: empty, luck, its place. Sorting those takes a seventh of the time of an argsort.
    """
    bits = (len(empty) - 1).bit_length()
    luck = jax.random.bits(key, empty.shape, jnp.uint32) >> (bits + 1) << bits
    return jnp.sort(empty.astype(jnp.uint32) << 31 | luck | jnp.arange(len(empty), dtype=jnp.uint32)) & (1 << bits) - 1


def _loss(player, weighs, params, lesson):
    """The loss of one player on sequences [S, L, ..], and its metrics."""
    along = lesson.inputs, lesson.memory, lesson.restart, lesson.own
    logits, values = jax.vmap(partial(over_rows, player, params))(*along)
    log_prob = jax.vmap(jax.vmap(ppo.log_prob))(logits, lesson.action)
    surrogate = ppo.clipped_surrogate(log_prob, lesson.old_log_prob, lesson.advantage, clip=weighs.clip)
    cloning = cloning_loss(log_prob, lesson.old_log_prob, clip=weighs.cloning_clip, literal=weighs.cloning_literal)
    change = log_prob - lesson.old_log_prob
    metrics = {
        "policy_loss": mean(surrogate, lesson.own),
        "value_loss": mean(ppo.value_loss(values, lesson.returned), lesson.own),
        "entropy": mean(jax.vmap(jax.vmap(ppo.entropy))(logits), lesson.own),
        "cloning_loss": mean(cloning, lesson.shown),
        "kl": mean(jnp.exp(change) - 1 - change, lesson.own),  # from the policy that played, estimated
        "clip_fraction": mean(jnp.abs(jnp.exp(change) - 1) > weighs.clip, lesson.own),
    }
    loss = metrics["policy_loss"] + weighs.value_weight * metrics["value_loss"]
    loss -= weighs.entropy_weight * metrics["entropy"]
    return loss + weighs.cloning_weight * metrics["cloning_loss"], metrics


def _check(lstm, share, num_past, **counts):
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be positive, got {count}")
    for name, count in (("lstm", lstm), ("num_past", num_past)):
        if count < 0:
            raise ValueError(f"{name} must not be negative, got {count}")
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")


def _check_rows(rows, lstm, chunk, num_minibatches, share):
    memory_size, (num_games, num_rows, _) = rows.seen.memory.shape[-1], rows.action.shape
    if memory_size != 4 * lstm:
        raise ValueError(f"the world's memory_size must be 4 * lstm = {4 * lstm}, got {memory_size}")
    if num_rows % chunk:
        raise ValueError(f"chunk must divide 1 + num_steps of the world, {num_rows}; got {chunk}")
    most = int(share * (num_games * num_rows // chunk))
    if num_minibatches > most:
        raise ValueError(f"num_minibatches must be at most the sequences of an epoch, {most}; got {num_minibatches}")
