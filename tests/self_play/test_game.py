"""The game, on a table of a few lines whose objects go where they are told, against algorithm 2 in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play import game, goals, training_data
from self_play.game import ALICE, BOB, Rules
from self_play.networks import Inputs
from tests.self_play.scripted_games import (
    AREA,
    MARGIN,
    NUM_GAMES,
    NUM_STEPS,
    STRIDE,
    TABLE,
    play,
    player,
    steps_of,
    toy_table,
)


def near(a, b, here):
    return np.linalg.norm(a - b, axis=-1)[here] <= goals.MAX_DISTANCE


def algorithm_2(steps, rules):
    """Plays one game again, from its actions and where its episodes began. -> what each of its steps should be."""
    log = []
    try:
        while True:
            episode(steps, rules, log)
    except IndexError:  # no more actions
        return log


def move(steps, log, where):
    return where + STRIDE * np.array([[action - 5.0, 0.0, 0.0] for action in steps.action[len(log)]], np.float32)


def episode(steps, rules, log):
    alice = bob = steps.poses.position[len(log)]
    here = steps.policy_input.observation.mask[len(log)]
    alive = True
    for goal_number in range(1, rules.max_goals + 1):
        start = alice
        for _ in range(rules.alice_steps):
            row = {"bobs_turn": False, "where": alice, "reward": [0, 0], "done": [False, False], "resolved": False}
            alice = move(steps, log, alice)
            log.append(row)
        x = alice[here, 0]
        if near(start, alice, here).all() or np.abs(x).max() > TABLE[0]:
            row |= {"done": [True, False], "resolved": True, "valid": False, "success": False, "goal": alice}
            return
        out = x.min() < AREA[0][0] - MARGIN or x.max() > AREA[1][0] + MARGIN
        success, most = False, rules.bob_steps * here.sum()
        if alive:
            bob = start if rules.bob_starts == "alice" else bob
            at_goal = near(bob, alice, here)
            for taken in range(1, most + 1):  # noqa: B007
                row = {"bobs_turn": True, "where": bob, "done": [False, False], "resolved": False}
                bob = move(steps, log, bob)
                before, at_goal = at_goal.sum(), near(bob, alice, here)
                success = at_goal.all()
                row["reward"] = [0, at_goal.sum() - before + 5 * success]
                log.append(row)
                if success:
                    break
            row["done"] = [False, True]
        alive = alive and (success or rules.bob_persists)
        won = 5 * (not success)
        if rules.alice_reward == "timestep":
            won = 0.01 * max(0, (taken if success else most) - rules.alice_steps)
        row["reward"] = [1 - 3 * out + won, row["reward"][BOB]]
        row["done"] = [goal_number == rules.max_goals, row["done"][BOB]]
        row |= {"resolved": True, "valid": True, "success": success, "goal": alice}


OPTIONS = Rules(3, 2, 3, "own", "timestep", 0.5)
PERSISTS = Rules(7, 3, 3, "own", bob_persists=True)


@pytest.mark.parametrize(
    "rules", [Rules(7, 3, 3, "own"), Rules(7, 3, 3, "alice"), Rules(5, 3, 1, "own"), OPTIONS, PERSISTS]
)
def test_the_game_is_algorithm_2(rules):
    (batch,), _ = play(rules)
    outcomes = set()
    for i in range(NUM_GAMES):
        steps = jax.tree.map(lambda leaf, i=i: leaf[i, 1:], batch.transitions)
        log = algorithm_2(steps, rules)
        assert len(log) == NUM_STEPS
        for t, row in enumerate(log):
            assert steps.bobs_turn[t] == row["bobs_turn"], (i, t)
            np.testing.assert_allclose(steps.poses.position[t], row["where"], atol=1e-6)
            resolved = steps.resolved[t]
            if t == NUM_STEPS - 1 and resolved != row["resolved"]:
                continue  # the transcription ran out of actions before it could settle it
            assert resolved == row["resolved"], (i, t)
            np.testing.assert_allclose(steps.reward[t], row["reward"], err_msg=f"game {i}, step {t}")
            np.testing.assert_array_equal(steps.done[t], row["done"])
            if resolved:
                assert (steps.goal_valid[t], steps.success[t]) == (row["valid"], row["success"])
                np.testing.assert_allclose(steps.goal.position[t], row["goal"], atol=1e-6)
                outcomes.add((float(steps.reward[t, ALICE]), bool(steps.success[t]), bool(steps.bobs_turn[t])))
    if rules == OPTIONS:  # she took 3 steps, and Bob, for two objects, 4
        assert {round(reward, 2) for reward, success, _ in outcomes if not success} >= {0.0, 1.0, -2.0, -1.99}, outcomes
        return
    # Every row of the table of rewards came up: resolved by a turn of Bob's and, of the failures, by one skipped. In
    # episodes of one goal nobody gets out of the area.
    in_area = {(0.0, False, False), (6.0, False, True), (1.0, True, True)}
    later = {(3.0, False, True), (-2.0, True, True), (6.0, False, False), (3.0, False, False)}
    expected = in_area | (later if rules.max_goals > 1 else set())
    assert outcomes == {way for way in expected if way[2] or not way[0] or not rules.bob_persists}, outcomes


@pytest.mark.parametrize("bob_starts", ["own", "alice"])
def test_a_goal_of_a_source_is_judged_from_where_bob_begins(bob_starts):
    """It is where her turn began, so with "alice" nothing is left to do; his own table is elsewhere."""
    table = toy_table()
    start = table.reset(jax.random.key(0))
    preset = jax.tree.map(lambda leaf: leaf[None], table.poses(start))
    begun = game.begin(table, game.EpisodeStart(start, jnp.zeros(2, bool), preset), 0)
    begun = begun._replace(other=start._replace(q=start.q.at[0, 0].add(0.1)))
    rules = Rules(1, 3, 1, bob_starts)
    after, ends, _ = game.step(table, rules, begun, jnp.full(2, 5, jnp.int32), begun)
    assert bool(after.bobs_turn) is (bob_starts == "own")
    assert bool(ends["goal_valid"]) is (bob_starts == "own")


def test_every_step_of_a_player_is_learnt_from_once():
    """Alice's last step waits for its reward at step 0 of the next batch; nothing else is there twice, or nowhere."""
    rules = Rules(7, 3, 3, "own")
    batches, state = play(rules, num_draws=3)
    whole = steps_of(batches)
    learnt = jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *[batch.transitions for batch in batches])
    for i in range(NUM_GAMES):
        for turn in (False, True):
            place = whole.poses.position[i][whole.bobs_turn[i] == turn]
            kept = learnt.valid[i] & (learnt.bobs_turn[i] == turn)
            same = learnt.poses.position[i][kept]
            waits = int(state.pending.valid[i]) if not turn else 0
            np.testing.assert_array_equal(same, place[: len(place) - waits])
    pending = np.stack([batch.transitions.valid[:, 0] for batch in batches])
    assert not pending[0].any()
    assert 0 < pending[1:].mean() < 1
    assert not np.any(pending & np.stack([batch.transitions.bobs_turn[:, 0] for batch in batches]))


def test_her_turn_may_have_steps_for_each_object():
    table, rules = toy_table(), Rules(3, 3, 3, alice_regrasps=True)
    still = jnp.full(2, 5, jnp.int32)

    @jax.jit
    @jax.vmap
    def turns(key):
        start = table.reset(key)
        begun = game.begin(table, game.EpisodeStart(start, jnp.zeros(2, bool), None), 0)
        return start.mask, jax.lax.scan(
            lambda now, i: (now := game.step(table, rules, now, still, begun)[0], now.count), begun, jnp.arange(6)
        )[1]

    masks, counts = turns(jax.random.split(jax.random.key(0), 16))
    for mask, count in zip(masks, counts, strict=True):  # nothing has moved, so she begins anew
        assert count.tolist() == ([1, 2, 3, 4, 5, 0] if mask.all() else [1, 2, 0, 1, 2, 0])
    assert 0 < masks[:, 1].sum() < 16


def test_past_versions():
    """One player of every other episode is a past version: nobody learns its steps; Bob may clone a past Alice's."""
    batches, _ = play(OPTIONS, num_draws=3)
    whole, batch = steps_of(batches), batches[1]
    past = whole.policy_input.is_past
    assert not past.all(axis=-1).any()
    episodes = [np.split(one, np.flatnonzero(done[:, ALICE]) + 1) for one, done in zip(past, whole.done, strict=True)]
    drawn = np.array([episode[0] for of_game in episodes for episode in of_game if len(episode)])
    assert all((episode == episode[0]).all() for of_game in episodes for episode in of_game if len(episode))
    np.testing.assert_allclose(drawn.mean(axis=0), 0.25, atol=4 * 0.44 / len(drawn) ** 0.5)
    steps = batch.transitions
    acts = np.take_along_axis(steps.policy_input.is_past, steps.bobs_turn[..., None].astype(int), axis=-1)[..., 0]
    assert not np.any(steps.valid & acts)
    assert np.all((steps.valid | acts)[:, 1:].sum(axis=1) >= NUM_STEPS - 1)  # but one that waits
    assert not np.any(batch.is_demo & steps.policy_input.is_past[..., BOB])
    assert np.any(batch.is_demo & steps.policy_input.is_past[..., ALICE])


def to_inputs(normalizers, seen, who=BOB):
    """What a player's networks read of PolicyInputs; without normalizers, its shapes."""
    if normalizers is None:
        return Inputs(*seen.observation[:2], seen.goal, seen.observation.mask, seen.time, seen.goal, seen.episode)
    return training_data.inputs_of(normalizers, seen, seen.goal, who)


def test_what_is_seen_and_remembered():
    """Bob sees the way to his goal, Alice's value that back to where her turn began, her policy neither.

    A memory counts its player's own steps since the episode began.
    """
    batches, state = play(Rules(7, 3, 3, "own"), num_draws=2, bptt_length=13)
    steps = steps_of(batches)
    assert steps.policy_input.goal[steps.bobs_turn].any()
    seen = jax.tree.map(jnp.asarray, steps.policy_input)
    normalizers = training_data.init_normalizers(jax.tree.map(lambda leaf: leaf[0, 0], to_inputs(None, seen)))
    hers, his = (to_inputs(normalizers, seen, who) for who in (ALICE, BOB))
    assert not hers.goal.any()
    np.testing.assert_allclose(hers.value_goal, his.goal, atol=1e-6)
    memory = np.zeros((NUM_GAMES, 2 * NUM_STEPS, 2, 2))  # before each step
    turn = np.zeros((NUM_GAMES, 2 * NUM_STEPS))  # its steps so far
    episode = np.tile([0, 1], (NUM_GAMES, 2 * NUM_STEPS, 1))  # goals resolved, Bob has not failed
    place, first = steps.poses.position, steps.poses.position[:, 0].copy()
    for i, t in np.ndindex(NUM_GAMES, 2 * NUM_STEPS - 1):
        who = int(steps.bobs_turn[i, t])
        memory[i, t + 1] = 0 if steps.done[i, t, ALICE] else memory[i, t] + np.diag(np.eye(2)[who])
        ends = steps.done[i, t].any() or steps.resolved[i, t] or steps.bobs_turn[i, t + 1] != steps.bobs_turn[i, t]
        turn[i, t + 1] = 0 if ends else turn[i, t] + 1
        failed = steps.done[i, t, BOB] and not steps.success[i, t]
        after = episode[i, t] + [steps.resolved[i, t], 0]
        episode[i, t + 1] = [0, 1] if steps.done[i, t, ALICE] else after * [1, not failed]
        first[i] = place[i, t] if turn[i, t] == 0 and not who else first[i]
        if not who:
            here = steps.policy_input.observation.mask[i, t][:, None]
            np.testing.assert_allclose(steps.policy_input.goal[i, t], (first[i] - place[i, t]) * here, atol=1e-6)
    np.testing.assert_allclose(100 * steps.policy_input.time, turn, atol=1e-5)
    np.testing.assert_array_equal(steps.policy_input.episode, episode)
    for i, batch in enumerate(batches):  # it is kept where a sequence begins, and at the rollout's first step
        np.testing.assert_array_equal(batch.memory[:, 1:], memory[:, i * NUM_STEPS :][:, 12:NUM_STEPS:13])
        np.testing.assert_array_equal(batch.start_memory, memory[:, i * NUM_STEPS])
    hers = NUM_STEPS - 1 - np.argmax(~steps.bobs_turn[:, NUM_STEPS - 1 :: -1], axis=1)
    np.testing.assert_array_equal(batches[1].memory[:, 0], memory[np.arange(NUM_GAMES), hers])
    assert steps.done[:, :, ALICE].any()
    # What each saw last: of Bob's, and of hers unless Bob is playing, the present; else the step that waits.
    last, games = batches[-1].last, jax.tree.map(np.array, state.games)
    now = games.state.q
    np.testing.assert_array_equal(last.observation.objects[:, BOB], now)
    waits = np.array(state.pending.valid)
    np.testing.assert_array_equal(last.observation.objects[~waits, ALICE], now[~waits])
    np.testing.assert_array_equal(last.observation.objects[waits, ALICE], np.array(state.pending.poses.position)[waits])
    assert waits.any()
    assert not np.any(waits & ~games.bobs_turn)


def test_log_probabilities_are_of_the_player_whose_turn_it_is():
    (batch,), _ = play(Rules(7, 3, 3, "own"))
    seen = batch.transitions.policy_input._replace(memory=batch.memory)
    logits = np.array(jax.vmap(player, in_axes=1)(jax.tree.map(jnp.asarray, seen))[0], np.float64)
    mine = np.where(batch.transitions.bobs_turn.T[:, :, None, None], logits[:, :, BOB], logits[:, :, ALICE])
    log_probs = mine - np.log(np.exp(mine).sum(-1, keepdims=True))
    taken = np.take_along_axis(log_probs, batch.transitions.action.swapaxes(0, 1)[..., None], -1)[..., 0].sum(-1).T
    np.testing.assert_allclose(batch.transitions.log_prob[:, 1:], taken[:, 1:], rtol=1e-5)
