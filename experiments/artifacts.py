"""Texts that a run leaves in its folder. Pure: (config, run of one cell and seed) -> file name -> text."""

import inspect
import json
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import blur
import self_play
from self_play.scene import SCENES

_GENOMES = {"blur_meta": blur.best_genome, "blur_evolution": lambda state: state.mean}  # state -> genome
_MADE_BY = ("seed", "num_seeds", "num_steps", "data", "world", "stages", "learner")


def genome(config, run):
    """The genome that a run has learned, as a file that `blur.text` reads: the best one, or the mean of an evolution.

    Its note has the config's command, and of the config what made the genome.
    """
    content = config.to_dict()
    learner = content["learner"]
    if learner["name"] not in _GENOMES:
        raise ValueError(f"the learner {learner['name']!r} has no genome to keep; {', '.join(_GENOMES)} have")
    made_by = {key: content[key] for key in _MADE_BY if key in content}
    note = {"command": content["command"], "config": json.dumps(made_by)}
    rule = blur.Rule(**(learner.get("rule") or {}))
    return {"genome.json": blur.text.dumps(_GENOMES[learner["name"]](run.learner), rule, note)}


def episode(config: Any, run: Any, *, num_frames: int = 300) -> dict[str, str]:
    """A film of one game of self-play: Brax's viewer, and the frames that it shows.

    The frames tell besides whose turn it was, and what became of a goal: resolved, success.
    """
    world, predict = _self_play(config, {"num_games": 1, "num_steps": num_frames})
    _, init, draw = self_play.arena(**world)
    build = SCENES[world.get("mode", "pucks")]
    scene = build(**{key: world[key] for key in inspect.signature(build).parameters if key in world})

    @jax.jit
    def play(learned, key):  # of seeds, whose learners differ, XLA compiles one
        k_init, k_draw = jax.random.split(key)
        rows = jax.tree.map(
            lambda leaf: leaf[0, 1:], draw(k_draw, (), init(k_init, ()), partial(predict, learned))[1].transitions
        )
        positions = jax.vmap(partial(self_play.observations.positions, scene))
        return rows, positions(rows.policy_input.observation.gripper, rows.poses)

    rows, q = play(run.learner, jax.random.key(config.seed))
    frames = self_play.render_frames(scene, q, rows.goal, rows.bobs_turn)
    told = {name: np.asarray(getattr(rows, name)).tolist() for name in ("bobs_turn", "resolved", "success")}
    return {"episode.html": self_play.html_page(frames), "episode.json": json.dumps({**frames, **told})}


def payoff(config: Any, run: Any, *, num_games: int = 64, num_steps: int = 400) -> dict[str, str]:
    """How many of the goals of each version of Alice each version of Bob reaches.

    The versions that a learner with a pool_size keeps, oldest first, and the last one, by whose normalizers all see.
    updates: after how many each was kept. bob_success[i][j]: of the goals that version i of Alice set in num_steps of
    num_games, what version j of Bob reached; null where she set none.
    """
    past = run.learner.pool
    if past is None:
        raise ValueError("payoff.json is of past versions: set learner.pool_size to keep some")
    world, predict = _self_play(config, {"num_games": num_games, "num_steps": num_steps})
    data, init, draw = self_play.arena(**world)
    kept, updates = self_play.opponents.in_order(past, config.learner.get("pool_every", 10))
    versions = jax.tree.map(lambda old, now: jnp.concatenate([old, now[None]]), kept, run.learner.params)
    updates = [*updates, int(past.count)]

    @jax.jit
    def success(learned, versions, key):
        def one(pair):
            alice, bob, key = pair
            params = jax.tree.map(lambda leaf: jnp.stack([leaf[alice, 0], leaf[bob, 1]]), versions)
            act = partial(predict, learned._replace(params=params))
            k_init, k_draw = jax.random.split(key)
            rows = draw(k_draw, data, init(k_init, data), act)[1].transitions
            tried = rows.resolved & rows.bobs_turn
            return jnp.sum(tried & rows.success), jnp.sum(tried)

        alice, bob = (numbers.ravel() for numbers in jnp.indices((len(updates), len(updates))))
        return jax.lax.map(one, (alice, bob, jax.random.split(key, len(alice))))

    reached, tried = (np.asarray(leaf).tolist() for leaf in success(run.learner, versions, jax.random.key(config.seed)))
    shares = [won / of if of else None for won, of in zip(reached, tried, strict=True)]
    rows = [shares[i : i + len(updates)] for i in range(0, len(shares), len(updates))]
    return {"payoff.json": json.dumps({"updates": updates, "bob_success": rows})}


def _self_play(config, size):
    """-> (settings of the run's world, of that size and with the players of today, the learner's predict)."""
    settings = {name: dict(config.to_dict()[name]) for name in ("world", "learner")}
    if any(of.pop("name") != "self_play" for of in settings.values()):
        raise ValueError('this file is of a learner and a world named "self_play"')
    return settings["world"] | size | {"past_prob": 0.0}, self_play.learner(**settings["learner"])[2]
