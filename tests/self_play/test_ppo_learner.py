"""The learner, in games on a table of a few lines: an action is where the one object goes next."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play import exams, goals, networks, training_data
from self_play.game import ALICE, BOB
from self_play.holdouts import Holdout
from self_play.metrics import rollout_metrics
from tests.self_play.toy_games import NUM_GAMES, begin, games, settle, toy_table, update


@functools.cache
def drawn(lstm_size=0):
    """A learner, and the second batch that it plays: the first begins with no row."""
    state, draw, _ = games(lstm_size)
    learned = begin(lstm_size)
    state, _ = draw(jax.random.key(2), state, learned)
    _, batch = draw(jax.random.key(3), state, learned)
    assert np.any(batch.transitions.valid[:, 0])
    assert np.any(batch.is_demo)
    return learned, batch


def updated(batch, sequence_fraction=1.0, **rates):
    after, metrics = update(0, sequence_fraction, jax.random.key(4), drawn()[0], batch, **rates)
    return after, {name: float(value) for name, value in metrics.items()}


def differ(one, other, who, net):
    """Whether that network of that player has gone elsewhere, by more than a hundredth of Adam's first step."""
    changes = jax.tree.map(lambda a, b: np.max(np.abs(a[who] - b[who])) > 3e-6, one.params, other.params)
    return any(jax.tree.leaves(changes["params"][net]))


def test_weight_0_is_ppo_alone():
    """To the bit, whatever is shown; and with a weight, demonstrations change Bob's policy and nothing else."""
    _, batch = drawn()
    alone, _ = updated(batch._replace(is_demo=jnp.zeros_like(batch.is_demo)), cloning_weight=0.0)
    ignored, _ = updated(batch, cloning_weight=0.0)
    for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(ignored.params), strict=True):
        np.testing.assert_array_equal(a, b)
    cloned, _ = updated(batch)
    assert differ(ignored, cloned, BOB, "policy")
    assert not differ(ignored, cloned, BOB, "value")
    assert not differ(ignored, cloned, ALICE, "policy")
    assert not differ(ignored, cloned, ALICE, "value")


def test_steps_that_are_not_valid_teach_nothing():
    _, batch = drawn()
    valid = batch.transitions.valid

    def spoiled(leaf):
        junk = jnp.where(jnp.issubdtype(leaf.dtype, jnp.floating), 7, 1).astype(leaf.dtype)
        return jnp.where(valid.reshape(valid.shape + (1,) * (leaf.ndim - 2)), leaf, junk)

    assert not np.all(valid)
    kept = {name: getattr(batch.transitions, name) for name in ("valid", "reward", "done", "resolved")}
    steps = jax.tree.map(spoiled, batch.transitions)._replace(**kept)
    (a, _), (b, _) = updated(batch), updated(batch._replace(transitions=steps))
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)


@functools.cache
def broken(lstm_size):
    """The batch of `drawn` in two forms: the first game broke at its begin, or its rows are just not valid."""
    state, draw, _ = games(lstm_size)
    learned, well = drawn(lstm_size)
    state, _ = draw(jax.random.key(2), state, learned)
    spoilt = state.games._replace(other=state.games.other._replace(q=state.games.other.q.at[0].set(np.nan)))
    _, batch = draw(jax.random.key(3), state._replace(games=spoilt), learned)
    here = np.arange(NUM_GAMES) > 0
    valid = well.transitions.valid & here[:, None]
    return batch, well._replace(
        transitions=well.transitions._replace(valid=valid), is_demo=well.is_demo & here[:, None]
    )


@pytest.mark.parametrize("lstm_size", [0, 3])
def test_a_game_that_broke_teaches_nothing(lstm_size):
    """To the bit, its steps may as well not be there: parameters, moments, normalisers; and it is counted."""
    learned, (batch, masked) = drawn(lstm_size)[0], broken(lstm_size)
    (a, metrics), (b, others) = (update(lstm_size, 1.0, jax.random.key(4), learned, one) for one in (batch, masked))
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.all(np.isfinite(one))
    assert (metrics["num_restarted"], others["num_restarted"]) == (1, 0)


def test_what_is_told_of_the_games_leaves_out_one_that_broke():
    whole, _ = broken(0)
    rest = jax.tree.map(lambda leaf: leaf[1:], whole)
    told, expected = rollout_metrics(whole), rollout_metrics(rest)
    assert (told.pop("num_restarted"), expected.pop("num_restarted")) == (1, 0)
    for name, value in expected.items():
        np.testing.assert_allclose(told[name], value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("lstm_size", [0, 3])
def test_parameters_that_are_not_finite_are_seen(lstm_size):
    """That is a fault of the learner, not of a game: its metrics show it."""
    state, draw, _ = games(lstm_size)
    learned = drawn(lstm_size)[0]
    lost = learned._replace(params=jax.tree.map(lambda leaf: leaf * np.nan, learned.params))
    _, metrics = update(lstm_size, 1.0, jax.random.key(4), lost, draw(jax.random.key(3), state, lost)[1])
    assert np.isnan(metrics["bob_explained_variance"])


@pytest.mark.parametrize("lstm_size", [0, 3])
def test_the_players_that_learn_are_those_that_played(lstm_size):
    """Before its first step a player's probabilities are those that it played by, memory and all."""
    state, batch = drawn(lstm_size)
    _, metrics = update(lstm_size, 1.0, jax.random.key(4), state, batch)
    for name in ("alice", "bob"):
        np.testing.assert_allclose(metrics[f"{name}_kl"], 0.0, atol=1e-9)
        np.testing.assert_allclose(metrics[f"{name}_clip_fraction"], 0.0)
    np.testing.assert_allclose(metrics["bob_cloning_loss"], -1.0, rtol=1e-6)
    np.testing.assert_allclose(metrics["alice_cloning_loss"], 0.0)


@pytest.mark.parametrize("lstm_size", [0, 3])
def test_data_read_in_parts_are_those_of_the_whole(lstm_size):
    """Also where the parts do not share out the sequences evenly."""
    state, batch = drawn(lstm_size)
    player = networks.Player(2, 16, (16,), lstm_size)
    returns = {"bptt_length": 12 if lstm_size else 1, "discount": 0.9, "gae_lambda": 0.9}

    @functools.partial(jax.jit, static_argnums=0)
    def prepare(num_parts):
        return training_data.prepare(player, state.params, state.normalizers, batch, num_parts=num_parts, **returns)

    chex.assert_trees_all_close(prepare(1), prepare(7), rtol=1e-5, atol=1e-6)


def test_a_fraction_is_enough_for_the_steps_that_a_player_has():
    """Adam's step on a fraction that holds all of the player's own sequences is the step on all sequences."""
    _, batch = drawn()
    mine = np.mean(batch.transitions.valid & batch.transitions.bobs_turn | batch.is_demo)
    assert mine < 0.7
    (whole, _), (part, _) = updated(batch), updated(batch, sequence_fraction=0.7)
    for a, b in zip(jax.tree.leaves(whole.params), jax.tree.leaves(part.params), strict=True):
        np.testing.assert_allclose(a[BOB], b[BOB], rtol=1e-4, atol=1e-6)


def test_what_is_told_of_the_games():
    _, batch = drawn()
    steps = jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions)
    _, metrics = updated(batch)
    valid, ended = steps.goal_valid[steps.resolved], steps.success[steps.done[:, :, BOB]]
    np.testing.assert_allclose(metrics["goals"], len(valid))
    np.testing.assert_allclose(metrics["valid_goals"], valid.mean())
    np.testing.assert_allclose(metrics["bob_success"], ended.mean())
    np.testing.assert_allclose(metrics["alice_reward"], steps.reward[:, :, ALICE].sum() / len(valid), rtol=1e-5)
    np.testing.assert_allclose(metrics["bob_reward"], steps.reward[:, :, BOB].sum() / len(ended), rtol=1e-5)
    np.testing.assert_allclose(
        metrics["demo_fraction"], np.array(batch.is_demo)[:, 1:][~steps.bobs_turn].mean(), rtol=1e-5
    )
    np.testing.assert_allclose(metrics["bob_step_fraction"], steps.bobs_turn.mean(), rtol=1e-5)
    games, times = np.nonzero(steps.bobs_turn[:, 1:] & ~steps.bobs_turn[:, :-1])
    way = steps.goal.position[games, times + 1, 0] - steps.poses.position[games, times + 1, 0]
    way = way[np.linalg.norm(way, axis=-1) > goals.MAX_DISTANCE]
    assert 20 < len(way) <= len(games)
    np.testing.assert_allclose(metrics["goal_distance"], np.linalg.norm(way, axis=-1).mean(), rtol=1e-5)
    direction = (way / np.linalg.norm(way, axis=-1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(metrics["goal_direction"], np.linalg.norm(direction), rtol=1e-4)
    assert metrics["goal_lifted"] == metrics["goal_rotated"] == metrics["goal_stacked"] == 0


def test_success_is_told_by_how_many_objects_a_goal_moves():
    """As if in every other game a second puck went along with the first."""
    _, batch = drawn()
    goes = np.arange(NUM_GAMES)[:, None, None] % 2 == 0
    kinds = {name: np.concatenate([of, (of * goes).astype(of.dtype)], axis=2) for name, of in batch.kinds.items()}
    told = rollout_metrics(batch._replace(kinds=kinds))
    steps = jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions)
    numbers, results = [], {0: [], 1: [], 2: []}
    for game in range(NUM_GAMES):
        asked, was_his = 0, True
        for t, his in enumerate(steps.bobs_turn[game]):
            if his and not was_his:
                asked = kinds["moved"][game, 1 + t].sum()
                numbers.append(asked)
            if his and steps.resolved[game, t]:
                results[asked].append(steps.success[game, t])
            was_his = his
    assert min(len(results[1]), len(results[2])) > 10
    np.testing.assert_allclose(told["goal_objects"], np.mean(numbers), rtol=1e-6)
    for number in (1, 2):
        np.testing.assert_allclose(told[f"objects_{number}_success"], np.mean(results[number]), rtol=1e-6)


def test_past_versions_act_where_they_are_asked():
    first, predict = begin(pool_size=1), settle(pool_size=1)[2]
    moments = first.normalizers.gripper
    changed = first.normalizers._replace(gripper=moments._replace(mean=moments.mean + 0.5))
    now = first._replace(params=jax.tree.map(lambda leaf: leaf + 0.1, first.params), normalizers=changed)
    policy_input = jax.tree.map(lambda leaf: leaf[:, 0], games()[2].transitions.policy_input)
    asked = jnp.array(np.random.default_rng(0).random((NUM_GAMES, 2)) < 0.3)
    act = jax.jit(lambda state, is_past: predict(state, policy_input._replace(is_past=is_past))[0])
    nobody = jnp.zeros_like(asked)
    expected = np.where(np.array(asked)[:, :, None, None], act(first, nobody), act(now, nobody))
    np.testing.assert_allclose(act(now, asked), expected, rtol=1e-6)
    assert not np.allclose(act(first, nobody), act(now, nobody))


def test_bob_learns_from_alice_alone():
    """He is never shown a task of the holdout, and solves it: goals 11 to 21 cm away, in eight steps."""
    task = Holdout("pucks", 1, lambda key, scene, now, mask: _elsewhere(key, now))
    state, draw, _ = games()
    learned, predict = begin(), settle()[2]

    @jax.jit
    def rate(learned):
        act = functools.partial(predict, learned)
        return exams.success_rate(toy_table(), task, act, jax.random.key(0), num_games=64, bob_steps=8)

    rates = [rate(learned)]
    for i in range(150):
        state, batch = draw(jax.random.key(2 * i + 10), state, learned)
        learned, _ = update(0, 1.0, jax.random.key(2 * i + 11), learned, batch, learning_rate=2e-2)
    rates.append(rate(learned))
    assert rates[0] < 0.1
    assert rates[1] > 0.8


def test_an_exam_needs_no_memory_size():
    """A player with memory begins a holdout with one of zeros."""
    task = Holdout("pucks", 1, lambda key, scene, now, mask: _elsewhere(key, now))
    predict, memories = settle(3)[2], []

    def act(learned, policy_input):
        logits, memory = predict(learned, policy_input)
        memories.append((policy_input.memory, memory))
        return logits, memory

    def rate(learned):
        act_now = functools.partial(act, learned)
        return exams.success_rate(toy_table(), task, act_now, jax.random.key(0), num_games=4, bob_steps=2)

    assert 0 <= jax.jit(rate)(begin(3)) <= 1
    (first, _), *others = memories
    assert first is None
    assert {(given.shape, returned.shape) for given, returned in others} == {((4, 2, 12), (4, 2, 12))}


def _elsewhere(key, now):
    way = jax.random.uniform(key, (2,), minval=0.08, maxval=0.15) * jnp.where(now.position[0, :2] > 0, -1, 1)
    return now._replace(position=now.position.at[0, :2].add(way))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bptt_length": 5}, r"bptt_length must divide 1 \+ num_steps of the world, 24; got 5"),
        ({"bptt_length": 12}, "the world's bptt_length must be the learner's, 12"),
        ({"lstm_size": 2}, "the world's lstm_size must be the learner's, 2"),
        ({"num_minibatches": 400, "sequence_fraction": 0.5}, "num_minibatches must be at most .*, 384; got 400"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        settle(**{"lstm_size": 0, **settings})[0](jax.random.key(0), games()[2])
