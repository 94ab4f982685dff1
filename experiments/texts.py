"""Texts that a run leaves in its folder. Pure: (config, run of one cell and seed) -> file name -> text."""

import inspect
import json
from functools import partial
from typing import Any

import jax
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

    The frames tell besides whose turn it was, and what became of a goal: settled, success.
    """
    settings = {name: dict(config.to_dict()[name]) for name in ("world", "learner")}
    if any(of.pop("name") != "self_play" for of in settings.values()):
        raise ValueError('an episode is of a learner and a world named "self_play"')
    predict = partial(self_play.learner(**settings["learner"])[2], run.learner)
    world = settings["world"] | {"num_games": 1, "num_steps": num_frames, "past_share": 0.0}
    _, init, draw = self_play.arena(**world)
    build = SCENES[world.get("mode", "pucks")]
    scene = build(**{key: world[key] for key in inspect.signature(build).parameters if key in world})

    @jax.jit
    def play(key):
        k_init, k_draw = jax.random.split(key)
        rows = jax.tree.map(lambda leaf: leaf[0, 1:], draw(k_draw, (), init(k_init, ()), predict)[1].rows)
        positions = jax.vmap(partial(self_play.observations.positions, scene))
        return rows, positions(rows.seen.observation.gripper, rows.poses)

    rows, q = play(jax.random.key(config.seed))
    frames = self_play.film(scene, q, rows.goal, rows.bobs_turn)
    told = {name: np.asarray(getattr(rows, name)).tolist() for name in ("bobs_turn", "settled", "success")}
    return {"episode.html": self_play.page(frames), "episode.json": json.dumps({**frames, **told})}
