"""A run of self-play, read again: its players, as one function, and its table."""

from collections.abc import Callable
from pathlib import Path

import jax

import bootstrap
import experiments
import self_play
from experiments import build, registry
from launch import checkpoints, cli, documents


def load(run: str | Path, *, seed: int = 0, data_dir: str | None = None) -> tuple[Callable, self_play.Tabletop]:
    """The players of a run's newest checkpoint, and the table that they learned on.

    run: its folder; it may go on meanwhile. seed: which of its seeds, from 0 on, in the first cell of its grid.
    -> (player, table). player: PolicyInput [B, ..] -> (logits [B, 2, A, NUM_BINS] of Alice and Bob, memory), as
    `self_play.exams`, `self_play.record` and `self_play.game` take it. Raises UserError.
    """
    workdir = Path(run)
    config = documents.read_config(workdir)
    if not 0 <= seed < config["num_seeds"]:
        raise cli.UserError(f"seed must be 0 to {config['num_seeds'] - 1}: {workdir} has as many; got {seed}")
    if config["world"]["name"] != "self_play":
        raise cli.UserError(f"{workdir} is no run of self-play: its world is {config['world']['name']!r}")
    documents.make_importable(workdir)
    with cli.user_errors(Exception):
        plan = experiments.plan(config, data_dir)
        experiment = build.first(plan)
        setup = registry.build("world", {**config["world"], "name": "self_play:setup"})
    of_members = abstract_run(experiment, len(plan.cells) * config["num_seeds"])
    found = checkpoints.read_newest(workdir / "checkpoints", of_members)
    if not found:
        raise cli.UserError(f"{workdir} has no checkpoint yet")
    kept = jax.tree.map(lambda leaf: leaf[seed], found[0])
    view = experiment.views(kept, experiment.world.data, plan.test)[""]
    return view.predict, setup.table


def abstract_run(experiment: build.Experiment, num_members: int) -> bootstrap.Run:
    """The shapes and dtypes of a run that is kept, on one device, with its leading axis of members."""
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    one = jax.eval_shape(lambda: bootstrap.begin(jax.random.key(0), experiment.learner, experiment.world))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((num_members, *leaf.shape), leaf.dtype, sharding=here), one)
