"""Texts that a run leaves: who meets whom in payoff.json."""

import json
from typing import NamedTuple

import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

import bootstrap
import self_play
from experiments import artifacts
from self_play.opponents import OpponentPool


class Learned(NamedTuple):
    params: dict
    pool: OpponentPool | None


class Rows(NamedTuple):
    resolved: jnp.ndarray
    bobs_turn: jnp.ndarray
    success: jnp.ndarray


class Batch(NamedTuple):
    transitions: Rows


CONFIG = ConfigDict({"seed": 0, "world": {"name": "self_play"}, "learner": {"name": "self_play", "pool_every": 2}})


def run_of(past):
    params = {"w": jnp.array([0.0, 3.0])}
    return bootstrap.Run(step=jnp.int32(4), learner=Learned(params, past), world=())


@pytest.fixture
def fakes(monkeypatch):
    """Of as many goals as Alice's parameter says, Bob reaches as many as his."""

    def draw(key, data, state, act):
        alice, bob = act(None)["w"]
        number = jnp.arange(10)
        return state, Batch(Rows(number >= 0, number < alice, number < bob))

    monkeypatch.setattr(self_play, "arena", lambda **settings: ((), lambda key, data: (), draw))
    monkeypatch.setattr(self_play, "learner", lambda **settings: (None, None, lambda state, seen: state.params))


def test_rows_are_alices_and_columns_bobs(fakes):
    versions = {"w": jnp.array([[4.0, 1.0], [8.0, 2.0], [-1.0, -1.0]])}  # the third place is empty
    run = run_of(OpponentPool(jnp.int32(4), versions, jnp.int32(0)))
    told = json.loads(artifacts.payoff(CONFIG, run)["payoff.json"])
    assert told["updates"] == [1, 3, 4]
    assert told["bob_success"] == [[0.25, 0.5, 0.75], [0.125, 0.25, 0.375], [None, None, None]]


def test_without_past_versions_there_is_no_payoff(fakes):
    with pytest.raises(ValueError, match=r"payoff.json is of past versions: set learner.pool_size to keep some"):
        artifacts.payoff(CONFIG, run_of(None))
