"""A run's player and its table, read from its folder."""

import json
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from experiments import build
from experiments import plan as plan_of
from experiments.configs import self_play_puck
from launch import checkpoints, cli
from launch.load import abstract_run, load
from self_play import c_mujoco, game


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two seeds with a checkpoint of its 2 steps, whose numbers are made up. -> (folder, what is in it)."""
    folder, config = tmp_path_factory.mktemp("run"), self_play_puck.get_config("smoke")
    config.num_seeds, config.world.physics = 2, "c" if c_mujoco.available() else "mjx"
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    random = np.random.default_rng(0)
    kept = jax.tree.map(
        lambda leaf: jnp.asarray(random.uniform(0.1, 0.9, leaf.shape)).astype(leaf.dtype),
        abstract_run(build.first(plan_of(config.to_dict())), 2),
    )
    checkpoints.save(checkpoints.open_folder(folder / "checkpoints"), 2, kept, {"step": 2})
    return folder, kept


def test_a_player_acts_as_it_has_learned(run):
    """The second seed's, on the table of the config: what the learner says with that seed's state."""
    folder, kept = run
    player, table = load(folder, seed=1)
    assert table.scene.num_objects == 1
    state = table.reset(jax.random.key(0))
    pose = table.poses(state)
    one = game.PolicyInput(
        table.observe(state),
        table.observe_goal(pose, pose, state.mask),
        jnp.zeros((2, 0)),
        jnp.zeros(2, bool),
        jnp.zeros(()),
        jnp.zeros(2),
    )
    logits, _ = player(jax.tree.map(lambda leaf: leaf[None], one))
    assert logits.shape == (1, 2, 2, 11)
    settings = {key: value for key, value in self_play_puck.get_config("smoke").learner.items() if key != "name"}
    predict = self_play.learner(**settings)[2]
    first, second = (
        predict(jax.tree.map(lambda leaf, i=i: leaf[i], kept.learner), jax.tree.map(lambda leaf: leaf[None], one))[0]
        for i in (0, 1)
    )
    np.testing.assert_array_equal(logits, second)
    assert not np.allclose(logits, first)


def test_what_cannot_be_loaded_is_said(run, tmp_path, monkeypatch):
    folder, _ = run
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(cli.UserError, match="has no checkpoint yet"):
        load(tmp_path)
    with pytest.raises(cli.UserError, match=r"seed must be 0 to 1: .* has as many; got 2"):
        load(folder, seed=2)
    monkeypatch.setattr(
        "launch.load.documents",
        types.SimpleNamespace(read_config=lambda _: {"num_seeds": 1, "world": {"name": "real"}}),
    )
    with pytest.raises(cli.UserError, match="is no run of self-play: its world is 'real'"):
        load(folder)


def test_what_lies_beside_the_config_is_found(run, tmp_path, monkeypatch):
    folder, _ = run
    (tmp_path / "own_goals.py").write_text("from self_play.holdouts import push as goals")
    config = json.loads((folder / "config.json").read_text())
    config["world"]["goal_source"] = {"name": "own_goals:goals"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    launch = {"step": 0, "argv": ["train"], "config_file": str(tmp_path / "own.py")}
    (tmp_path / "run.json").write_text(json.dumps(launch))
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(cli.UserError, match="has no checkpoint yet"):
        load(tmp_path)
