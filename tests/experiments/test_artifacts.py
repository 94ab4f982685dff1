"""Artifacts of self-play: what a run leaves of its players. Films and cross-play are tested in tests/self_play."""

import json

import jax
import jax.numpy as jnp
import pytest

import bootstrap
import self_play
from experiments import artifacts
from experiments.artifacts import Context

WORLD = {"name": "self_play", "num_games": 2, "num_steps": 4, "alice_steps": 2, "bob_steps": 2}


@pytest.fixture
def context():
    """A learner that keeps two versions, before its first step."""
    learner = bootstrap.Learner(
        *self_play.learner(embedding=4, widths=(), num_minibatches=1, sample_reuse=1, pool_size=2)
    )
    world = bootstrap.World(*self_play.arena(**{key: value for key, value in WORLD.items() if key != "name"}))
    shapes = jax.eval_shape(lambda: bootstrap.begin(jax.random.key(0), learner, world))
    return Context({"seed": 0, "world": WORLD, "learner": {"name": "self_play", "pool_every": 2}}, learner, shapes, "")


def test_rows_are_alices_and_columns_bobs(context, monkeypatch):
    counts = jnp.array([[1, 2], [0, 0]]), jnp.array([[4, 4], [0, 0]])
    monkeypatch.setattr(self_play, "play_versions", lambda setup, predict, state, versions, key: counts)
    monkeypatch.setattr(self_play, "versions_of", lambda state, pool_every: (jnp.zeros(()), [1, pool_every]))
    written = artifacts.payoff(context).write(context.run._replace(learner=jnp.zeros(())))
    assert json.loads(written["payoff.json"]) == {"updates": [1, 2], "bob_success": [[0.25, 0.5], [None, None]]}


def test_without_past_versions_there_is_no_payoff(context):
    without = context.run._replace(learner=context.run.learner._replace(pool=None))
    with pytest.raises(ValueError, match=r"payoff.json is of past versions: set learner.pool_size to keep some"):
        artifacts.payoff(context._replace(run=without))


def test_another_world_has_no_episode(context):
    config = {**context.config, "world": {"name": "real", "batch_size": 3}}
    with pytest.raises(ValueError, match="this artifact is of a world of self-play"):
        artifacts.episode(context._replace(config=config))
