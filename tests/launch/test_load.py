"""A run's player and its table, read from its folder."""

import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import plan as plan_of
from experiments.configs import self_play_puck
from launch import checkpoints, cli
from launch.clock import Clock
from launch.load import load
from launch.programs import programs
from self_play import game


@pytest.fixture
def run(tmp_path):
    """A run of two seeds that has a checkpoint of its 2 steps; its numbers are made up. -> (folder, kept)."""
    config = self_play_puck.get_config("smoke")
    config.num_seeds = 2
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    compute = programs(plan_of(config.to_dict()), 0, 2, Clock())
    random = np.random.default_rng(0)
    kept = jax.tree.map(
        lambda leaf: jnp.asarray(random.uniform(0.1, 0.9, leaf.shape)).astype(leaf.dtype), compute.abstract_run
    )
    manager = checkpoints.open_folder(tmp_path / "checkpoints")
    checkpoints.save(manager, 2, kept, {"step": 2})
    return tmp_path, kept


def test_a_player_acts_as_it_has_learned(run):
    """Each seed's own, on the table of the config."""
    folder, kept = run
    players = [load(folder, seed=seed) for seed in (0, 1)]
    table = players[0][1]
    assert table.scene.num_objects == 1
    states = jax.vmap(table.reset)(jax.random.split(jax.random.key(0), 3))
    goal = jax.vmap(table.observe_goal)(*2 * [jax.vmap(table.poses)(states)], states.mask)
    seen = game.PolicyInput(jax.vmap(table.observe)(states), goal, jnp.zeros((3, 2, 0)), jnp.zeros((3, 2), bool))
    logits = [player(seen)[0] for player, _ in players]
    assert logits[0].shape == (3, 2, 2, 11)
    assert not np.allclose(*logits)
    bias = kept.learner.params["params"]["policy"]["answer"]["bias"]
    assert bias.shape[:2] == (2, 2)


def test_what_cannot_be_loaded_is_said(run, tmp_path, monkeypatch):
    folder, _ = run
    with pytest.raises(cli.UserError, match=r"seed must be 0 to 1: .* has as many; got 2"):
        load(folder, seed=2)
    monkeypatch.setattr(
        "launch.load.documents",
        types.SimpleNamespace(read_config=lambda _: {"num_seeds": 1, "world": {"name": "real"}}),
    )
    with pytest.raises(cli.UserError, match="is no run of self-play: its world is 'real'"):
        load(folder)
