"""The baseline of self-play's training: Brax's PPO, a Bob who learns to push pucks to uniform goals on our table.

Brax's `ppo.train` trains in one call and offers no step to time. `update` is that call's training step, of the same
parts of Brax: networks, unroll, loss, statistics of the observations.

Letters: B games, S minibatches.
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
from launch.suites.match import Side
from self_play import goals, holdouts
from self_play.tabletop import NUM_BINS

_EPISODE_LENGTH = 60


class Training(NamedTuple):
    """What an update changes."""

    params: Any
    optimizer: optax.OptState
    statistics: Any  # of the observations
    games: Any  # Brax's states of all environments [B, ..]
    key: jax.Array


def side(table: self_play.Tabletop, *, num_games: int, num_steps: int, num_minibatches: int, sample_reuse: int) -> Side:
    """Training on num_games, num_steps of each in an update. num_minibatches, sample_reuse: see `self_play.learner`."""
    with _as_brax_expects():
        begin, update = _training(table, num_games, num_steps, num_minibatches, sample_reuse)
        state = jax.jit(begin)(jax.random.key(0))

    def step(state):
        with _as_brax_expects():
            return update(state)

    return Side(step, state, num_games * num_steps)


def _training(table, num_games, num_steps, num_minibatches, sample_reuse) -> tuple[Callable, Callable]:
    """-> begin: key -> Training; update: Training -> Training."""
    from brax.envs.wrappers import training as wrappers
    from brax.training import acting
    from brax.training.acme import running_statistics, specs
    from brax.training.agents.ppo import losses, networks

    env = wrappers.wrap(_environment(table), episode_length=_EPISODE_LENGTH)
    normalize: Any = running_statistics.normalize  # Any: Brax's annotations disagree with one another
    size: Any = env.observation_size
    net = networks.make_ppo_networks(
        size,
        env.action_size,
        preprocess_observations_fn=normalize,
        policy_hidden_layer_sizes=(128, 64),  # ours embeds objects and gripper in 64 each
        value_hidden_layer_sizes=(128, 64),
    )
    tx = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-3))
    settings = {"entropy_cost": 0.01, "discounting": 0.998, "clipping_epsilon": 0.2}
    gradient = jax.grad(functools.partial(losses.compute_ppo_loss, ppo_network=net, **settings), has_aux=True)

    def begin(key):
        k_games, k_policy, k_value, k_updates = jax.random.split(key, 4)
        params: Any = losses.PPONetworkParams(net.policy_network.init(k_policy), net.value_network.init(k_value))
        statistics = running_statistics.init_state(specs.Array((size,), jnp.dtype("float32")))
        games = env.reset(jax.random.key_data(jax.random.split(k_games, num_games)))
        return Training(params, tx.init(params), statistics, games, k_updates)

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state):
        key, k_unroll, k_epochs = jax.random.split(state.key, 3)
        policy = networks.make_inference_fn(net)((state.statistics, state.params.policy))
        fields = ("truncation", "episode_metrics", "episode_done")
        games, data = acting.generate_unroll(env, state.games, policy, k_unroll, num_steps, extra_fields=fields)
        data = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), data)
        statistics = running_statistics.update(state.statistics, data.observation)

        def minibatch(carry, one):
            params, optimizer = carry
            data, key = one
            updates, optimizer = tx.update(gradient(params, statistics, data, key)[0], optimizer, params)
            return (optax.apply_updates(params, updates), optimizer), None

        def epoch(carry, key):
            k_order, k_losses = jax.random.split(key)
            order = jax.random.permutation(k_order, num_games).reshape(num_minibatches, -1)
            shuffled = jax.tree.map(lambda leaf: leaf[order], data)
            return jax.lax.scan(minibatch, carry, (shuffled, jax.random.split(k_losses, num_minibatches)))

        epochs = jax.random.split(k_epochs, sample_reuse)
        (params, optimizer), _ = jax.lax.scan(epoch, (state.params, state.optimizer), epochs)
        return Training(params, optimizer, statistics, games, key)

    return begin, update


@contextlib.contextmanager
def _as_brax_expects():
    """Without warnings, and with promotion of ranks."""
    with warnings.catch_warnings(action="ignore"), jax.numpy_rank_promotion("allow"):
        yield


def _environment(table):
    """One game of Bob alone, as an environment of Brax's."""
    from brax.envs import base

    class Push(base.Env):
        """The table, a uniform goal, and Bob's rewards. Actions are continuous: each is put into its bin."""

        def reset(self, rng):
            k_reset, k_goal = jax.random.split(jax.random.wrap_key_data(rng))  # Brax knows no typed keys
            state = table.reset(k_reset)
            both: Any = state, holdouts.push(k_goal, table.scene, table.poses(state))  # Brax expects one of its own
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

        @property
        def action_size(self):
            return len(table.scene.scale)

        @property
        def backend(self):
            return "mjx"

    env: Any = Push()
    return env
