"""The Learner of both players: PPO for each, and Bob clones Alice's demonstrations (algorithm 1).

Letters: see `training_data`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from self_play.metrics import rollout_metrics
from self_play.networks import Inputs, Player, apply, memory_size, num_dimensions_of
from self_play.opponents import OpponentPool, chosen_version, init_pool, push
from self_play.parallel import undivided
from self_play.settings import check_counts, check_numbers
from self_play.training import Epochs, LossCoefs, train
from self_play.training_data import Normalizers, init_normalizers, inputs_of, prepare


class State(NamedTuple):
    """All that both players have learned."""

    params: Any  # a leading axis P on every leaf
    optimizer: optax.OptState  # a leading axis P, too
    normalizers: Normalizers
    pool: OpponentPool | None  # None for a pool_size of 0
    cloning: jax.Array | None = None  # [] the share of its weight that is left; None where it does not fade


class Settings(NamedTuple):
    """The settings of `learner`, by what reads them."""

    network: dict[str, Any]  # `networks.Player`
    player: nn.Module | None  # in its place
    returns: dict[str, Any]  # `training_data.prepare`
    coefs: LossCoefs
    cloning_fades: bool
    alice_rate: float
    alice_entropy: float
    epochs: Epochs
    tx: optax.GradientTransformation
    pool: tuple[int, int]  # pool_size and pool_every, of `opponents`
    divide: Callable


def learner(
    *,
    embedding: int = 64,
    widths: Sequence[int] = (64,),
    lstm_size: int = 0,
    bptt_length: int = 1,
    sees_time: bool = False,
    attention: bool = False,
    privileged_critic: bool = False,
    discount: float = 0.998,
    gae_lambda: float = 0.95,
    clip: float = 0.2,
    value_weight: float = 1.0,
    entropy_weight: float = 0.01,
    cloning_weight: float = 0.5,
    cloning_clip: float | None = 0.2,
    cloning_fades: bool = False,
    alice_rate: float = 1.0,
    alice_entropy: float = 1.0,
    learning_rate: float | Callable = 3e-4,
    max_norm: float = 0.5,
    sample_reuse: int = 3,
    num_minibatches: int = 4,
    sequence_fraction: float = 1.0,
    pool_size: int = 0,
    pool_every: int = 10,
    player: nn.Module | None = None,
    divide: Callable = undivided,
) -> tuple[Callable, Callable, Callable]:
    """Asymmetric self-play: (init, update, predict) of a Learner for `arena`. Defaults: of Table 2, where it has them.

    embedding, widths, lstm_size, sees_time, attention, privileged_critic: see `networks`. bptt_length: L, 1 without
      memory; it divides 1 + num_steps of the world, which has the same lstm_size and bptt_length.
    clip to entropy_weight: PPO's. cloning_weight, cloning_clip: see `cloning`; a weight of 0 is PPO alone.
    cloning_fades: the weight falls to 0 as Bob's success from his easiest start rises to a half (`starts`; of a world
      with bob_shares), and never rises again: an Alice who is still near random pins him to her noise.
    alice_rate: her learning rate as a fraction of Bob's; a slow Alice keeps her goals diverse.
    alice_entropy: her entropy_weight as a multiple of Bob's; one who is sure of her goals leads him away from others.
    learning_rate: Adam's, or a schedule of it over minibatches. max_norm: of a player's gradient; the paper names none.
    sample_reuse: epochs, each of num_minibatches steps of Adam, on sequence_fraction of all sequences, empty ones last.
      A step is Alice's or Bob's, so about half of a player's sequences are empty. On a CPU the networks first read a
      rollout in as many parts as well.
    pool_size, pool_every: number of past versions, and of updates between two; past_prob of the world needs some.
    player: a flax module of your own in place of `networks.Player`, whose call it must have, with as many logits as
      actions have dimensions; embedding and widths do not count then, and lstm_size gives its memory's size.
    divide: see `parallel.undivided`. The axis is "sequences".
    """
    check_counts(**{f"widths[{i}]": width for i, width in enumerate(widths)}, embedding=embedding)
    check_counts(
        bptt_length=bptt_length, sample_reuse=sample_reuse, num_minibatches=num_minibatches, pool_every=pool_every
    )
    check_counts(0, lstm_size=lstm_size, pool_size=pool_size)
    check_numbers(0.0, 1.0, discount=discount, gae_lambda=gae_lambda)
    check_numbers(above=0.0, high=1.0, sequence_fraction=sequence_fraction)
    check_numbers(above=0.0, clip=clip, max_norm=max_norm)
    weights = {"value_weight": value_weight, "entropy_weight": entropy_weight, "cloning_weight": cloning_weight}
    check_numbers(**weights, **({} if callable(learning_rate) else {"learning_rate": learning_rate}))
    check_numbers(above=0.0, alice_rate=alice_rate)
    check_numbers(alice_entropy=alice_entropy)
    if cloning_clip is not None:
        check_numbers(cloning_clip=cloning_clip)
    settings = Settings(
        network={
            "embedding": embedding,
            "widths": tuple(widths),
            "lstm_size": lstm_size,
            "sees_time": sees_time,
            "attention": attention,
            "privileged_critic": privileged_critic,
        },
        player=player,
        returns={"bptt_length": bptt_length, "discount": discount, "gae_lambda": gae_lambda},
        coefs=LossCoefs(clip, value_weight, entropy_weight, cloning_weight, cloning_clip),
        cloning_fades=cloning_fades,
        alice_rate=alice_rate,
        alice_entropy=alice_entropy,
        epochs=Epochs(sample_reuse, num_minibatches, sequence_fraction),
        tx=optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(learning_rate)),
        pool=(pool_size, pool_every),
        divide=divide,
    )
    return partial(_init, settings), partial(_update, settings), partial(_predict, settings)


def _player(settings, num_dimensions):
    return settings.player or Player(num_dimensions, **settings.network)


def _init(settings, key, example):
    steps = example.transitions
    _check_batch(settings, example)
    first, action = jax.tree.map(lambda x: jnp.zeros(x.shape[2:], x.dtype), (steps.policy_input, steps.action))
    gripper, objects, mask = first.observation
    inputs = Inputs(gripper, objects, first.goal, mask, jnp.zeros(2, jnp.float32), first.goal, first.episode)
    player = _player(settings, len(action))
    params = jax.vmap(lambda key: player.init(key, inputs, None))(jax.random.split(key, 2))
    pool_size, _ = settings.pool
    normalizers = init_normalizers(inputs)
    pool = init_pool((params, normalizers), pool_size) if pool_size else None
    cloning = jnp.ones((), jnp.float32) if settings.cloning_fades else None
    return State(params, jax.vmap(settings.tx.init)(params), normalizers, pool, cloning)


def _check_batch(settings, batch):
    num_games, num_steps = batch.is_demo.shape
    _, num_sequences, _, of_world = batch.memory.shape
    lstm_size, bptt_length = settings.network["lstm_size"], settings.returns["bptt_length"]
    if of_world != memory_size(lstm_size):
        raise ValueError(f"the world's lstm_size must be the learner's, {lstm_size}")
    if num_steps % bptt_length:
        raise ValueError(f"bptt_length must divide 1 + num_steps of the world, {num_steps}; got {bptt_length}")
    if num_sequences * bptt_length != num_steps:
        raise ValueError(f"the world's bptt_length must be the learner's, {bptt_length}")
    if settings.cloning_fades and batch.start_success is None:
        raise ValueError("cloning_fades needs the bob_shares of the world, by which Bob's success is measured")
    _, num_minibatches, sequence_fraction = settings.epochs
    most = int(sequence_fraction * (num_games * num_steps // bptt_length))
    if num_minibatches > most:
        raise ValueError(f"num_minibatches must be at most the sequences of an epoch, {most}; got {num_minibatches}")


NAMES = ("alice", "bob")  # by game.ALICE, game.BOB


def _update(settings, key, state, batch):
    player = _player(settings, batch.transitions.action.shape[-1])
    clones, earlier = settings.coefs.cloning_weight > 0, batch.earlier
    batch = batch._replace(
        is_demo=batch.is_demo & clones,
        earlier=None if earlier is None else earlier._replace(is_demo=earlier.is_demo & clones),
    )
    # On a CPU a part fits the cache. Several devices would wait for the one that has it.
    in_parts = jax.default_backend() == "cpu" and settings.divide is undivided
    num_parts = settings.epochs.num_minibatches if in_parts else 1
    of_batch = player, state.params, state.normalizers, batch
    data, normalizers, explained = prepare(*of_batch, **settings.returns, num_parts=num_parts)
    k_train, k_pool = jax.random.split(key)
    coefs, rates, cloning = settings.coefs, None, state.cloning
    if settings.cloning_fades:
        cloning = jnp.minimum(cloning, jnp.maximum(0.0, 1 - 2 * batch.start_success[0]))
        coefs = coefs._replace(cloning_weight=coefs.cloning_weight * cloning)
    if settings.alice_rate != 1:
        rates = jnp.array([settings.alice_rate, 1.0], jnp.float32)
    entropy_weights = coefs.entropy_weight * jnp.array([settings.alice_entropy, 1.0], jnp.float32)

    def train_one(entropy_weight, *of_player):
        of_one = coefs._replace(entropy_weight=entropy_weight)
        return train(player, of_one, settings.epochs, settings.tx, *of_player, divide=settings.divide)

    of_players = jax.random.split(k_train, 2), state.params, state.optimizer, data, rates
    params, optimizer, metrics = jax.vmap(train_one)(entropy_weights, *of_players)
    metrics["explained_variance"] = explained
    is_well = jax.vmap(lambda params: jnp.isfinite(optax.tree.norm(params)))(params)  # means of nothing would hide it
    metrics = {name: jnp.where(is_well, values, jnp.nan) for name, values in metrics.items()}
    by_player = {f"{name}_{of}": values[i] for i, name in enumerate(NAMES) for of, values in metrics.items()}
    pool_size, pool_every = settings.pool
    pool = push(k_pool, state.pool, (params, normalizers), pool_every) if pool_size else None
    return State(params, optimizer, normalizers, pool, cloning), {**rollout_metrics(batch), **by_player}


def _predict(settings, state, policy_input):
    """PolicyInput [B, ..] -> (logits [B, P, A, NUM_BINS], memory [B, P, M])."""
    player = settings.player or _player(settings, num_dimensions_of(state.params))

    def both(params, normalizers):
        def one(who, params, memory):
            inputs = inputs_of(normalizers, policy_input, policy_input.goal, who)
            logits, _, memory = apply(player, params, inputs, memory)
            return logits, memory

        return jax.vmap(one, in_axes=(0, 0, 1), out_axes=1)(jnp.arange(2), params, policy_input.memory)

    present = both(state.params, state.normalizers)
    if state.pool is None:
        return present

    def mixed():
        past = both(*chosen_version(state.pool))
        return jax.tree.map(lambda a, b: jax.vmap(jax.vmap(jnp.where))(policy_input.is_past, a, b), past, present)

    if settings.divide is not undivided:  # to know whether any is, devices would wait for each other at every step
        return mixed()
    return jax.lax.cond(jnp.any(policy_input.is_past), mixed, lambda: present)
