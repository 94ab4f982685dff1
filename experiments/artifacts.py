"""Artifacts: files that a run leaves in its folder, beside its records. (context, *, settings) -> Artifact.

The function is called before the first step, and raises ValueError where the run could not leave the file; what it
returns writes the file after the last step.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

import blur
import bootstrap
import glns
import self_play
from experiments import films, registry


class Context(NamedTuple):
    """What an artifact knows of its run: one cell of the grid, one seed."""

    config: Mapping  # that of the cell
    learner: bootstrap.Learner
    run: bootstrap.Run  # shapes and dtypes of the run
    command: str  # that of this launch
    test: Any = None  # the data's test part; of splits, with a leading axis of them
    games: dict | None = None  # those that artifacts of self-play have asked for, by their frames: see `_game`


class Artifact(NamedTuple):
    """What is left, and how it is written."""

    files: tuple[str, ...]  # their names
    write: Callable  # (run at the end) -> {file name: text or bytes}


_MADE_BY = ("seed", "num_seeds", "num_steps", "data", "world", "stages", "learner")


def genome(context: Context) -> Artifact:
    """genome.json, the genome that a run has learned, as `blur.serialize` reads it. Its note says what made it."""
    jax.eval_shape(blur.learned_genome, context.run.learner)
    made_by = {key: context.config[key] for key in _MADE_BY if key in context.config}
    note = {"command": context.command, "config": json.dumps(made_by)}
    rule = registry.build("rule", context.config["learner"].get("rule") or {"name": "blur"})

    def write(run):
        return {"genome.json": blur.serialize.dumps(blur.learned_genome(run.learner), rule, note)}

    return Artifact(("genome.json",), write)


_OF_FEATURES = ("feature_epsilon", "feature_scale", "standardised", "shared_gates")


def saliency(context: Context, *, classes: Sequence[int] = range(10)) -> Artifact:
    """saliency.json: the first test image of each class, and what in it speaks for that class to a GLN.

    images, maps [M, H, W]: gray levels, and logits for each unit of these (Veness 2019, §4), by the rule that clips
    nothing; labels [M]. Of a network of Bernoulli neurons with half-spaces, as `glns.learner` makes by itself.
    """
    settings = context.config["learner"]
    if settings["name"] != "glns" or {"gate", "neuron"} & {*settings} or np.ndim(context.test[0]) != 3:
        raise ValueError(
            "saliency.json is of the learner 'glns', without a neuron or a gate of its own, and of images [n, H, W]"
        )
    x, y = (np.asarray(array) for array in context.test[:2])
    if missing := [k for k in classes if k not in y]:
        raise ValueError(f"artifacts.saliency.classes: no test image is of class {missing[0]}")
    offsets = {"offset_scale": settings["offset_scale"]} if "offset_scale" in settings else {}
    explain = partial(
        glns.explain.saliency,
        rule=glns.bernoulli.Rule(epsilon=1e-30),
        gate=glns.context.half_spaces(settings["num_half_spaces"], **offsets),
        **{key: settings[key] for key in _OF_FEATURES if key in settings},
    )

    def write(run):
        images = x[[int(np.argmax(y == k)) for k in classes]]
        weights = jax.jit(jax.vmap(partial(explain, run.learner)))(images).weights
        maps = [np.asarray(of_image)[k].tolist() for of_image, k in zip(weights, classes, strict=True)]
        return {"saliency.json": json.dumps({"images": images.tolist(), "maps": maps, "labels": list(classes)})}

    return Artifact(("saliency.json",), write)


def paintings(context: Context, *, num_images: int = 8) -> Artifact:
    """paintings.json: rows of images [M, H, W]: drawn pixel by pixel; unseen ones; these with lower halves drawn anew.

    Of the learner `glns_shared_density`.
    """
    settings = context.config["learner"]
    if settings["name"] != "glns_shared_density":
        raise ValueError("paintings.json is of the learner 'glns_shared_density'")
    given = {key: settings[key] for key in ("epsilon", "max_contexts") if key in settings}
    draw = jax.jit(jax.vmap(partial(glns.shared_density.inpaint, **given), in_axes=(0, None, 0, None)))

    def write(run):
        images = context.test[0]  # some have a class after the other
        unseen = np.asarray(images[:: max(1, len(images) // num_images)][:num_images])
        upper = np.broadcast_to(np.arange(unseen.shape[1])[:, None] < unseen.shape[1] // 2, unseen.shape[1:])
        k_nothing, k_half = jax.random.split(jax.random.key(context.config["seed"]))
        nothing, half = (
            draw(jax.random.split(key, len(unseen)), run.learner, unseen, known)
            for key, known in ((k_nothing, np.zeros_like(upper)), (k_half, upper))
        )
        rows = {"drawn pixel by pixel": nothing, "unseen images": unseen, "their lower halves drawn anew": half}
        return {"paintings.json": json.dumps({name: np.asarray(row).tolist() for name, row in rows.items()})}

    return Artifact(("paintings.json",), write)


def params(context: Context) -> Artifact:
    """params.npz, all that a learner has learned but its optimizer, by name (`bootstrap.learned`): a start for another.

    A finished run whose config asks for it anew, --config.artifacts=('params',), writes it from its checkpoint.
    """
    del context

    def write(run):
        file = io.BytesIO()
        np.savez(file, **bootstrap.learned(run.learner))
        return {"params.npz": file.getvalue()}

    return Artifact(("params.npz",), write)


def player(context: Context) -> Artifact:
    """player.npz, Alice and Bob as `self_play.pretrained` keeps them: some hundred kB, without optimizers."""
    _setup(context)
    network = self_play.pretrained.network_of(_players(context))
    of_world = self_play.pretrained.world_of(context.config["world"])

    def write(run):
        file = io.BytesIO()
        np.savez_compressed(file, **self_play.pretrained.packed(run.learner, network, of_world))
        return {"player.npz": file.getvalue()}

    return Artifact(("player.npz",), write)


def episode(context: Context, *, num_frames: int = 300) -> Artifact:
    """A film of one game of self-play: episode.html plays it, episode.json has its frames.

    The frames also tell whose turn it was, and the outcome of a goal: resolved, success.
    """
    scene, play = _game(context, num_frames)

    def write(run):
        frames = self_play.frames_of(scene, play(run))
        return {"episode.html": self_play.html_page(frames), "episode.json": json.dumps(frames)}

    return Artifact(("episode.html", "episode.json"), write)


def film(context: Context, *, num_frames: int = 300, every: int = 2, frame_seconds: float = 0.08) -> Artifact:
    """episode.gif, a film of the game that the artifact `episode` shows: every `every`-th frame, for frame_seconds.

    MuJoCo's own renderer makes its pictures where there is OpenGL (MUJOCO_GL=egl), else they are drawn.
    """
    if every < 1 or frame_seconds <= 0:
        raise ValueError(f"every must be at least 1, and frame_seconds above 0; got {every} and {frame_seconds}")
    scene, play = _game(context, num_frames)

    def write(run):
        images = films.pictures(scene, play(run))
        return {"episode.gif": films.gif(images, every=every, frame_seconds=frame_seconds)}

    return Artifact(("episode.gif",), write)


def _game(context, num_frames):
    """-> (the scene of a run of self-play, run -> the recording of one game of its present players).

    Artifacts of one run that ask for the same number of frames share the game, and the program that plays it.
    """
    games = {} if context.games is None else context.games
    if num_frames in games:
        return games[num_frames]
    setup = _setup(context, num_games=1, num_steps=num_frames)
    last: list = []  # the learner that played last, and its game

    @jax.jit
    def play(learned, key):  # of seeds, whose learners differ, XLA compiles one
        return self_play.record(setup, partial(context.learner.predict, learned), key, num_steps=num_frames)

    def played(run):
        if not last or last[0] is not run.learner:
            last[:] = run.learner, play(run.learner, jax.random.key(context.config["seed"]))
        return last[1]

    jax.eval_shape(play, context.run.learner, jax.random.key(0))
    games[num_frames] = setup.table.scene, played
    return games[num_frames]


def payoff(context: Context, *, num_games: int = 64, num_steps: int = 400) -> Artifact:
    """payoff.json: the fraction of the goals of each version of Alice that each version of Bob reaches.

    Versions are those that the learner keeps, oldest first, and the last one; Bob begins as in an exam. updates: after
    how many each was kept. bob_success[i][j]: of the goals that version i of Alice set in num_steps of num_games, what
    version j of Bob reached; null where she set none.
    """
    if getattr(context.run.learner, "pool", None) is None:
        raise ValueError("payoff.json is of past versions: set learner.pool_size to keep some")
    setup = _setup(context, num_games=num_games, num_steps=num_steps)
    play = jax.jit(partial(self_play.play_versions, setup, context.learner.predict))

    def write(run):
        versions, updates = self_play.versions_of(run.learner, _players(context).get("pool_every", 10))
        counts = play(versions, jax.random.key(context.config["seed"]))
        rows = [
            [won / of if of else None for won, of in zip(*row, strict=True)]
            for row in zip(*(np.asarray(count).tolist() for count in counts), strict=True)
        ]
        return {"payoff.json": json.dumps({"updates": updates, "bob_success": rows})}

    return Artifact(("payoff.json",), write)


def _players(context):
    """The settings of the learner of self-play, which another, `started`, may begin."""
    settings = context.config["learner"]
    return settings["learner"] if settings["name"] == "started" else settings


def _setup(context: Context, **size: int) -> self_play.Setup:
    """The run's table and rules, and games of this size."""
    try:
        return registry.build("world", {**context.config["world"], **size, "name": "self_play:setup"})
    except ValueError as error:
        raise ValueError(f"this artifact is of a world of self-play ({error})") from error
