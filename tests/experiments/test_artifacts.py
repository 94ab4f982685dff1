"""Artifacts: what a run leaves of its learners. Films and cross-play are tested in tests/self_play."""

import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bootstrap
import glns
import self_play
from experiments import artifacts, films
from experiments.artifacts import Context
from self_play import game

WORLD = {"name": "self_play", "num_games": 2, "num_steps": 4, "alice_steps": 2, "bob_steps": 2}


@pytest.fixture(scope="module")
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
    monkeypatch.setattr(self_play, "play_versions", lambda setup, predict, versions, key: counts)
    monkeypatch.setattr(self_play, "versions_of", lambda state, pool_every: (jnp.zeros(()), [1, pool_every]))
    written = artifacts.payoff(context).write(context.run._replace(learner=jnp.zeros(())))
    assert json.loads(written["payoff.json"]) == {"updates": [1, 2], "bob_success": [[0.25, 0.5], [None, None]]}


def test_without_past_versions_there_is_no_payoff(context):
    without = context.run._replace(learner=context.run.learner._replace(pool=None))
    with pytest.raises(ValueError, match=r"payoff.json is of past versions: set learner.pool_size to keep some"):
        artifacts.payoff(context._replace(run=without))


def test_a_packed_player_acts_as_it_did(context):
    """In half precision, without its past versions and its optimizers."""
    random = np.random.default_rng(0)
    learned = jax.tree.map(
        lambda leaf: jnp.asarray(random.uniform(0.1, 0.9, leaf.shape)).astype(leaf.dtype), context.run.learner
    )
    settings = {"name": "self_play", "embedding": 4, "widths": (), "num_minibatches": 1}
    context = context._replace(config={**context.config, "learner": settings})
    file = artifacts.player(context).write(context.run._replace(learner=learned))["player.npz"]
    with np.load(io.BytesIO(file)) as arrays:
        player, table = self_play.pretrained.unpacked(dict(arrays))
    state = table.reset(jax.random.key(0))
    pose, nothing = table.poses(state), (jnp.zeros((2, 0)), jnp.zeros(2, bool), jnp.zeros(()), jnp.zeros(2))
    one = game.PolicyInput(table.observe(state), table.observe_goal(pose, pose, state.mask), *nothing)
    inputs = jax.tree.map(lambda leaf: leaf[None], one)
    logits, _ = player(inputs)
    np.testing.assert_allclose(logits, context.learner.predict(learned, inputs)[0], rtol=2e-3)
    of_user = {**settings, "player": {"name": "mine:Player"}}
    with pytest.raises(ValueError, match=r"a player with networks of its own \(learner.player\) cannot be packed"):
        artifacts.player(context._replace(config={**context.config, "learner": of_user}))


def test_a_page_and_a_film_show_one_game(context, monkeypatch):
    """It is played once for a learner, and again for another one."""
    played = []

    def record(setup, act, key, *, num_steps):
        played.append(num_steps)
        return jnp.zeros(num_steps)

    monkeypatch.setattr(self_play, "record", record)
    monkeypatch.setattr(self_play, "frames_of", lambda scene, recording: {"shown": len(recording)})
    monkeypatch.setattr(self_play, "html_page", str)
    monkeypatch.setattr(films, "pictures", lambda scene, recording: np.zeros((len(recording), 4, 4, 3), np.uint8))
    shared = context._replace(games={})
    page, film = artifacts.episode(shared, num_frames=6), artifacts.film(shared, num_frames=6)
    assert len(played) == 1  # traced once
    runs = [context.run._replace(learner=jnp.full((), value)) for value in (1.0, 2.0)]
    (_, play), *others = shared.games.values()
    assert not others
    assert play(runs[0]) is play(runs[0])
    assert play(runs[1]) is not play(runs[0])
    assert json.loads(page.write(runs[0])["episode.json"]) == {"shown": 6}
    assert set(film.write(runs[0])) == {"episode.gif"}


def test_another_world_has_no_episode(context):
    config = {**context.config, "world": {"name": "real", "batch_size": 3}}
    with pytest.raises(ValueError, match="this artifact is of a world of self-play"):
        artifacts.episode(context._replace(config=config))


def test_saliency_is_of_the_first_image_of_each_class_and_sums_to_its_logit():
    x = np.random.default_rng(0).uniform(size=(6, 2, 3)).astype(np.float32)
    y = np.array([1, 0, 0, 1, 2, 2], np.int32)
    settings = {"num_classes": 3, "sizes": (4, 1), "num_half_spaces": 2, "offset_scale": 0.1, "standardised": False}
    learner = bootstrap.Learner(*glns.learner(**settings))
    state = learner.init(jax.random.key(0), (x, y))
    for i in range(5):
        state, _ = learner.update(jax.random.key(i), state, (x, y))
    run = bootstrap.Run(0, state, None)
    context = Context({"learner": {"name": "glns", **settings}}, learner, run, "", (x, y))
    written = json.loads(artifacts.saliency(context, classes=(0, 1, 2)).write(run)["saliency.json"])
    np.testing.assert_array_equal(written["images"], x[[1, 0, 4]])
    gate, rule = glns.context.half_spaces(2, offset_scale=0.1), glns.bernoulli.Rule(epsilon=1e-30)
    expected = glns.explain.saliency(state, x[4], rule=rule, gate=gate, standardised=False).weights[2]
    np.testing.assert_allclose(written["maps"][2], expected, rtol=1e-6)
    assert np.abs(expected).max() > 0
    with pytest.raises(ValueError, match="no test image is of class 3"):
        artifacts.saliency(context, classes=(3,))
    dendritic = {"learner": context.config["learner"] | {"neuron": "dendritic"}}
    for other in (context._replace(test=(x[:, 0], y)), context._replace(config=dendritic)):
        with pytest.raises(ValueError, match="of the learner 'glns', without a neuron or a gate of its own"):
            artifacts.saliency(other)
