"""Artifacts: files that a run leaves in its folder, beside its records. (context, *, settings) -> Artifact.

The function is called before the first step, and raises ValueError where the run could not leave the file; what it
returns writes the file after the last step.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import blur
import bootstrap
import self_play
from experiments import registry
from self_play.scene import SCENES


class Context(NamedTuple):
    """What an artifact knows of its run: one cell of the grid, one seed."""

    config: Mapping  # that of the cell
    learner: bootstrap.Learner
    run: bootstrap.Run  # shapes and dtypes of the run
    command: str  # that of this launch


class Artifact(NamedTuple):
    """What is left, and how it is written."""

    files: tuple[str, ...]  # their names
    write: Callable  # (run at the end) -> {file name: text}


_MADE_BY = ("seed", "num_seeds", "num_steps", "data", "world", "stages", "learner")


def genome(context: Context) -> Artifact:
    """genome.json, the genome that a run has learned, as `blur.serialize` reads it. Its note says what made it."""
    jax.eval_shape(blur.learned_genome, context.run.learner)
    made_by = {key: context.config[key] for key in _MADE_BY if key in context.config}
    note = {"command": context.command, "config": json.dumps(made_by)}
    rule = registry.build("rule", context.config["learner"].get("rule") or {})

    def write(run):
        return {"genome.json": blur.serialize.dumps(blur.learned_genome(run.learner), rule, note)}

    return Artifact(("genome.json",), write)


def episode(context: Context, *, num_frames: int = 300) -> Artifact:
    """A film of one game of self-play: episode.html plays it, episode.json has its frames.

    The frames also tell whose turn it was, and what became of a goal: settled, success.
    """
    settings, world = _arena(context, {"num_games": 1, "num_steps": num_frames})
    build = SCENES[settings.get("mode", "pucks")]
    scene = build(**{key: settings[key] for key in inspect.signature(build).parameters if key in settings})

    @jax.jit
    def play(learned, key):  # of seeds, whose learners differ, XLA compiles one
        k_init, k_draw = jax.random.split(key)
        act = partial(context.learner.predict, learned)
        _, batch = world.draw(k_draw, world.data, world.init(k_init, world.data), act)
        rows = jax.tree.map(lambda leaf: leaf[0, 1:], batch.rows)
        positions = jax.vmap(partial(self_play.observations.positions, scene))
        return rows, positions(rows.seen.observation.gripper, rows.poses)

    jax.eval_shape(play, context.run.learner, jax.random.key(0))

    def write(run):
        rows, q = play(run.learner, jax.random.key(context.config["seed"]))
        frames = self_play.film(scene, q, rows.goal, rows.bobs_turn)
        told = {name: np.asarray(getattr(rows, name)).tolist() for name in ("bobs_turn", "settled", "success")}
        return {"episode.html": self_play.page(frames), "episode.json": json.dumps({**frames, **told})}

    return Artifact(("episode.html", "episode.json"), write)


def payoff(context: Context, *, num_games: int = 64, num_steps: int = 400) -> Artifact:
    """payoff.json: the fraction of the goals of each version of Alice that each version of Bob reaches.

    Versions are those that the learner keeps, oldest first, and the last one; all see by the last one's normalizers.
    updates: after how many each was kept. bob_success[i][j]: of the goals that version i of Alice set in num_steps of
    num_games, what version j of Bob reached; null where she set none.
    """
    if getattr(context.run.learner, "past", None) is None:
        raise ValueError("payoff.json is of past versions: set learner.num_past to keep some")
    _, world = _arena(context, {"num_games": num_games, "num_steps": num_steps})

    @jax.jit
    def success(learned, versions, key):
        def one(pair):
            alice, bob, key = pair
            params = jax.tree.map(lambda leaf: jnp.stack([leaf[alice, 0], leaf[bob, 1]]), versions)
            act = partial(context.learner.predict, learned._replace(params=params))
            k_init, k_draw = jax.random.split(key)
            rows = world.draw(k_draw, world.data, world.init(k_init, world.data), act)[1].rows
            tried = rows.settled & rows.bobs_turn
            return jnp.sum(tried & rows.success), jnp.sum(tried)

        num_versions = len(jax.tree.leaves(versions)[0])
        alice, bob = (numbers.ravel() for numbers in jnp.indices((num_versions, num_versions)))
        return jax.lax.map(one, (alice, bob, jax.random.split(key, len(alice))))

    def write(run):
        past = run.learner.past
        kept, updates = self_play.past.in_order(past, context.config["learner"].get("past_every", 10))
        versions = jax.tree.map(lambda old, now: jnp.concatenate([old, now[None]]), kept, run.learner.params)
        updates = [*updates, int(past.count)]
        counts = success(run.learner, versions, jax.random.key(context.config["seed"]))
        rates = [
            won / of if of else None for won, of in zip(*(np.asarray(leaf).tolist() for leaf in counts), strict=True)
        ]
        rows = [rates[i : i + len(updates)] for i in range(0, len(rates), len(updates))]
        return {"payoff.json": json.dumps({"updates": updates, "bob_success": rows})}

    return Artifact(("payoff.json",), write)


def _arena(context: Context, size: Mapping) -> tuple[dict, bootstrap.World]:
    """-> settings of the run's world, of that size and with the players of today, and that world."""
    settings = {**context.config["world"], **size, "past_share": 0.0}
    world = registry.build("world", settings, None)
    return {key: value for key, value in settings.items() if key != "name"}, world
