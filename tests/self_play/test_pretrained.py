"""Players that come with the package; how they are kept is tested in tests/experiments/test_artifacts.py."""

import json

import jax
import numpy as np
import pytest

import self_play
from experiments import data
from self_play import c_mujoco, exams, holdouts, networks, ppo_learner


@pytest.mark.skipif(not c_mujoco.available(), reason="the physics kernel was not built: no C++ compiler")
def test_the_shipped_bob_pushes_at_his_own_table():
    player, table = self_play.load("one")

    @jax.jit
    def solved(key):
        return exams.success_rate(table, holdouts.HOLDOUTS["push_1"], player, key, num_games=8, bob_steps=100)

    assert solved(jax.random.key(7)) > 0.8


def test_their_parameters_are_a_start_for_other_learners():
    """As `self_play_blocks:two` has it; that all fit is seen where every config is taken to its first step."""
    shipped, arrays = self_play.pretrained.arrays("one"), data.parameters("one")
    assert {*shipped} - {*arrays} == {"settings"}
    np.testing.assert_array_equal(*(of["params/params/policy/answer/kernel"] for of in (shipped, arrays)))


def test_the_settings_of_a_network_are_the_learner_s():
    """What acting needs is kept; what only learning needs is not."""
    given = {"embedding": 8, "widths": (6,), "sees_time": True, "attention": True, "learning_rate": 0.1}
    kept = self_play.pretrained.network_of(given)
    assert kept == {name: value for name, value in given.items() if name != "learning_rate"}
    update = self_play.learner(**given)[1]
    assert tuple(update.args[0].network) == networks.SETTINGS


def test_an_unknown_player_is_named():
    with pytest.raises(ValueError, match=r"no pretrained player named 'nobody'; there are one"):
        self_play.load("nobody")


def test_players_who_saw_less_are_refused():
    arrays = self_play.pretrained.arrays("one")
    less = {
        name: array[2:] if name.startswith("normalizers/objects/") and array.ndim else array
        for name, array in arrays.items()
    }
    with pytest.raises(ValueError, match="these players saw 21 features of an object, of which there are 23 now"):
        self_play.pretrained.unpacked(less)


def test_of_a_world_the_table_is_kept():
    """Not the rules, of which a source of goals is no text; a table of one's own is refused."""
    config = {"name": "self_play", "num_games": 2, "num_steps": 3, "num_objects": 2, "goal_source": {"name": "stack"}}
    state = ppo_learner.State({"w": np.zeros(2)}, (), {"n": np.zeros(2)}, None)
    arrays = self_play.pretrained.packed(state, {}, self_play.pretrained.world_of(config))
    kept = json.loads(arrays["settings"])["world"]
    assert self_play.setup(**kept).table.scene == self_play.scene.pucks(2)
    with pytest.raises(ValueError, match=r"a table with parts of its own \(world.robot\) cannot be packed"):
        self_play.pretrained.world_of({**config, "robot": {"name": "mine:robot"}})


def test_how_a_player_learned():
    first, *_, last = self_play.pretrained.exams("two")
    assert (first["step"], last["step"]) == (0, 1440)
    assert first["eval/stack_2_success"] < 0.1 < 0.5 < last["eval/stack_2_success"]
    assert self_play.pretrained.exams("one") == []
    with pytest.raises(ValueError, match="no pretrained player named 'three'; there are one, shapes, two"):
        self_play.pretrained.exams("three")
