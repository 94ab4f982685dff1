"""The baseline of self-play's training: Brax's PPO, a Bob who learns to push objects to uniform goals on our table.

Brax's `ppo.train` trains in one call and has no step to time. `_update` is its training step, of the same parts of
Brax: networks, unroll, loss, and statistics of the observations.

Letters: B games.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import self_play
from launch.suites.benchmark import Program
from self_play import goals, holdouts
from self_play.tabletop import NUM_BINS


class Training(NamedTuple):
    """What an update changes."""

    params: Any
    optimizer: optax.OptState
    statistics: Any  # of the observations
    games: Any  # Brax's states of all environments [B, ..]
    key: jax.Array


class Parts(NamedTuple):
    """What of Brax an update is made of."""

    env: Any  # wrapped for training
    net: Any  # policy and value
    gradient: Callable  # of Brax's loss: (params, statistics, data, key) -> (gradient, metrics)
    tx: optax.GradientTransformation


def program(
    table: self_play.Tabletop,
    *,
    num_games: int,
    num_steps: int,
    num_minibatches: int,
    sample_reuse: int,
    hidden: tuple,
) -> Program:
    """Training on num_games, num_steps of each in an update, with networks of these hidden layers.

    num_minibatches, sample_reuse: see `self_play.learner`.
    """
    with _as_brax_expects():
        parts = _parts(table, hidden)
        state = jax.jit(functools.partial(_begin, parts, num_games))(jax.random.key(0))
    settings = num_games, num_steps, num_minibatches, sample_reuse
    compiled = jax.jit(functools.partial(_update, parts, *settings), donate_argnums=0)

    def step(state):
        with _as_brax_expects():
            return compiled(state)

    return Program(step, state, num_games * num_steps)


def _parts(table, hidden):
    from brax.envs.wrappers import training
    from brax.training.acme import running_statistics
    from brax.training.agents.ppo import losses, networks

    env = training.wrap(_environment(table), episode_length=60)
    size: Any = env.observation_size  # Any: Brax's annotations disagree with one another
    normalize: Any = running_statistics.normalize
    layers = {"policy_hidden_layer_sizes": hidden, "value_hidden_layer_sizes": hidden}
    net = networks.make_ppo_networks(size, env.action_size, preprocess_observations_fn=normalize, **layers)
    settings = {"ppo_network": net, "entropy_cost": 0.01, "discounting": 0.998, "clipping_epsilon": 0.2}
    gradient = jax.grad(functools.partial(losses.compute_ppo_loss, **settings), has_aux=True)
    return Parts(env, net, gradient, optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-3)))


def _begin(parts, num_games, key):
    """The state before the first update. The key is consumed."""
    from brax.training.acme import running_statistics, specs
    from brax.training.agents.ppo import losses

    k_games, k_policy, k_value, k_updates = jax.random.split(key, 4)
    nets = parts.net.policy_network, parts.net.value_network
    params: Any = losses.PPONetworkParams(*(net.init(key) for net, key in zip(nets, (k_policy, k_value), strict=True)))
    statistics = running_statistics.init_state(specs.Array((parts.env.observation_size,), jnp.dtype("float32")))
    games = parts.env.reset(jax.random.key_data(jax.random.split(k_games, num_games)))
    return Training(params, parts.tx.init(params), statistics, games, k_updates)


def _update(parts, num_games, num_steps, num_minibatches, sample_reuse, state):
    """Plays every game on, and learns from it."""
    from brax.training import acting
    from brax.training.acme import running_statistics
    from brax.training.agents.ppo import networks

    key, k_unroll, k_epochs = jax.random.split(state.key, 3)
    policy = networks.make_inference_fn(parts.net)((state.statistics, state.params.policy))
    fields = ("truncation", "episode_metrics", "episode_done")
    games, data = acting.generate_unroll(parts.env, state.games, policy, k_unroll, num_steps, extra_fields=fields)
    data = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), data)
    statistics = running_statistics.update(state.statistics, data.observation)

    def minibatch(carry, drawn):
        params, optimizer = carry
        gradient, _ = parts.gradient(params, statistics, *drawn)
        updates, optimizer = parts.tx.update(gradient, optimizer, params)
        return (optax.apply_updates(params, updates), optimizer), None

    def epoch(carry, key):
        k_order, k_losses = jax.random.split(key)
        order = jax.random.permutation(k_order, num_games).reshape(num_minibatches, -1)
        drawn = jax.tree.map(lambda leaf: leaf[order], data), jax.random.split(k_losses, num_minibatches)
        return jax.lax.scan(minibatch, carry, drawn)

    learned = state.params, state.optimizer
    (params, optimizer), _ = jax.lax.scan(epoch, learned, jax.random.split(k_epochs, sample_reuse))
    return Training(params, optimizer, statistics, games, key)


@contextlib.contextmanager
def _as_brax_expects():
    """Without warnings, and with promotion of ranks."""
    with warnings.catch_warnings(action="ignore"), jax.numpy_rank_promotion("allow"):
        yield


def _environment(table):
    """One game of Bob alone, as an environment of Brax's."""
    from brax.envs import base

    class Push(base.Env):
        """The table, a uniform goal, and Bob's rewards. An action is continuous, and rounded to a bin."""

        action_size: Any = table.scene.num_dimensions
        backend: Any = "mjx"

        def reset(self, rng):
            k_reset, k_goal = jax.random.split(jax.random.wrap_key_data(rng))  # Brax knows no typed keys
            state = table.reset(k_reset)
            goal = holdouts.push(k_goal, table.scene, table.poses(state), state.mask)
            both: Any = state, goal  # Any: Brax has a type of its own
            return base.State(both, self.observe(*both), jnp.zeros(()), jnp.zeros(()))

        def step(self, state, action):
            now, goal = state.pipeline_state
            bins = jnp.clip(jnp.round((action + 1) / 2 * (NUM_BINS - 1)), 0, NUM_BINS - 1).astype(jnp.int32)
            after = table.step(now, bins)
            before, reached = (table.reached(table.poses(one), goal, one.mask) for one in (now, after))
            reward, success = goals.bob_reward(before, reached, after.mask)
            return state.replace(
                pipeline_state=(after, goal), obs=self.observe(after, goal), reward=reward, done=success.astype(float)
            )

        def observe(self, state, goal):
            seen = table.observe(state)
            way = table.observe_goal(table.poses(state), goal, state.mask)
            return jnp.concatenate([seen.gripper, seen.objects.ravel(), way.ravel()])

        @property
        def observation_size(self):
            return len(jax.eval_shape(lambda: self.reset(jax.random.key_data(jax.random.key(0))).obs))

    env: Any = Push()
    return env
