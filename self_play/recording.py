"""Recordings: one game of the present players, and its frames for a viewer."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from self_play import observations, world
from self_play.films import render_frames, render_images
from self_play.game import Transition
from self_play.scene import Scene
from self_play.settings import check_counts


class Recording(NamedTuple):
    """Some steps of one game."""

    transitions: Transition  # [T, ..]
    positions: jax.Array  # [T, ..] q of the State before each step


def record(setup: world.Setup, act: Callable, key: jax.Array, *, num_steps: int = 300) -> Recording:
    """Plays one game of the present players from the start of an episode. The key is consumed.

    setup: see `world.setup`; its num_games, num_steps and past_prob do not count. act: see `rollouts.rollout`.
    """
    check_counts(num_steps=num_steps)
    table, rules = setup.table, setup.rules._replace(past_prob=0.0)
    k_init, k_play = jax.random.split(key)
    state = world.init_games(table, rules, setup.memory_size, k_init, 1, setup.num_tasks)
    _, batch = world.play(table, rules, num_steps, act, k_play, state, bptt_length=setup.bptt_length)
    transitions = jax.tree.map(lambda leaf: leaf[0, 1:], batch.transitions)
    positions = jax.vmap(partial(observations.positions, table.scene))
    return Recording(transitions, positions(transitions.policy_input.observation.gripper, transitions.poses))


def frames_of(scene: Scene, recording: Recording) -> dict:
    """Frames of a recording, as a dict for JSON: see `render_frames`. Not for jit.

    Besides, by step: bobs_turn, and the outcome of a goal, resolved and success. A goal is drawn in Bob's turns.
    """
    steps, positions = jax.device_get(recording)
    outcomes = {name: getattr(steps, name).tolist() for name in ("bobs_turn", "resolved", "success")}
    return {**render_frames(scene, positions, steps.goal, steps.bobs_turn), **outcomes}


def images_of(scene: Scene, recording: Recording, **size: int) -> np.ndarray:
    """Pictures of a recording by MuJoCo's own renderer: see `render_images`. Not for jit."""
    steps, positions = jax.device_get(recording)
    return render_images(scene, positions, steps.goal, steps.bobs_turn, **size)
