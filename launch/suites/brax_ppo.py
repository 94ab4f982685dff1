"""The baseline of self-play's training: Brax's own PPO, a Bob who learns to push pucks to uniform goals on our table.

A step of it is one of its training epochs: a rollout of every game, and its updates. Brax trains in one call, so that
call has a thread of its own, which waits after every epoch until the next is asked for.
"""

import functools
import queue
import threading
import warnings
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp

import self_play
from launch.suites.benchmark import Program
from self_play import goals, holdouts
from self_play.arena import NUM_BINS


def program(
    table: self_play.Tabletop, *, num_games: int, num_steps: int, num_minibatches: int, sample_reuse: int
) -> Program:
    """Training on so many games, num_steps of each in a rollout; settings as of `self_play.learner`."""
    with warnings.catch_warnings(action="ignore"):
        from brax.training.agents.ppo import networks, train

    asked: queue.SimpleQueue = queue.SimpleQueue()
    ended: queue.SimpleQueue = queue.SimpleQueue()

    def wait(*_):
        ended.put(None)
        asked.get()

    def run():
        asked.get()
        epochs = 10_000  # more than are ever asked for
        with warnings.catch_warnings(action="ignore"), jax.numpy_rank_promotion("allow"), _jax_as_brax_knows_it():
            try:
                train.train(
                    _environment(table),
                    num_timesteps=epochs * num_games * num_steps,
                    num_evals=epochs + 1,
                    run_evals=False,
                    progress_fn=wait,
                    num_envs=num_games,
                    episode_length=60,
                    unroll_length=num_steps,
                    batch_size=num_games // num_minibatches,
                    num_minibatches=num_minibatches,
                    num_updates_per_batch=sample_reuse,
                    normalize_observations=True,
                    learning_rate=1e-3,
                    entropy_cost=0.01,
                    discounting=0.998,
                    clipping_epsilon=0.2,
                    max_grad_norm=0.5,
                    network_factory=functools.partial(
                        networks.make_ppo_networks,
                        policy_hidden_layer_sizes=(128, 64),  # ours embeds objects and gripper in 64 each
                        value_hidden_layer_sizes=(128, 64),
                    ),
                )
            except BaseException as error:
                ended.put(error)

    threading.Thread(target=run, daemon=True).start()

    def step(state):
        asked.put(None)
        error = ended.get()
        if error is not None:
            raise error
        return state

    return Program(step, None, num_games * num_steps)


def _jax_as_brax_knows_it():
    """Brax asks for a function that JAX has withdrawn: a copy on every device, for pmap."""

    def replicated(tree, devices):
        return jax.tree.map(lambda leaf: jnp.stack([leaf] * len(devices)), tree)

    return mock.patch.object(jax, "device_put_replicated", replicated, create=True)


def _environment(table):
    """One game of Bob alone, as an environment of Brax's."""
    with warnings.catch_warnings(action="ignore"):
        from brax.envs import base

    class Push(base.Env):
        """The table, a uniform goal, and Bob's rewards. Actions are continuous: each is put into its bin."""

        def reset(self, rng):
            k_reset, k_goal = jax.random.split(jax.random.wrap_key_data(rng))
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
            return len(jax.eval_shape(lambda: self.reset(jax.random.PRNGKey(0)).obs))

        @property
        def action_size(self):
            return len(table.scene.scale)

        @property
        def backend(self):
            return "mjx"

    env: Any = Push()
    return env
