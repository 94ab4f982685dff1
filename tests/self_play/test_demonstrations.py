"""Which of Alice's steps are demonstrations to Bob, against loops."""

import jax
import numpy as np
import pytest

from self_play import goals
from self_play.game import ALICE, Rules
from tests.self_play.scripted_games import NUM_GAMES, NUM_STEPS, play, steps_of


@pytest.mark.parametrize("demonstrations", ["failed", "valid"])
def test_demonstrations_are_of_the_goals_that_bob_missed(demonstrations):
    rules = Rules(7, 3, 3, "own", demonstrations=demonstrations)
    (batch,), _ = play(rules)
    skipped = 0
    for i in range(NUM_GAMES):
        steps = jax.tree.map(lambda leaf, i=i: leaf[i], batch.transitions)
        turn = []  # Alice's steps of the present turn
        is_demo = np.zeros(1 + NUM_STEPS, bool)
        for t in range(1, 1 + NUM_STEPS):
            turn += [] if steps.bobs_turn[t] else [t]
            if steps.resolved[t]:
                missed = steps.reward[t, ALICE] in (3.0, 6.0) or (
                    demonstrations == "valid" and bool(steps.goal_valid[t])
                )
                is_demo[turn] = missed
                for step in turn * missed:
                    here = steps.policy_input.observation.mask[step]
                    way = (steps.goal.position[t] - steps.poses.position[step]) * here[:, None]
                    np.testing.assert_allclose(batch.demo_goal[i, step], way, atol=1e-6)
                skipped += missed and not steps.bobs_turn[t]
                turn = []
        np.testing.assert_array_equal(batch.is_demo[i], is_demo & steps.valid)
    assert skipped > 0
    # The first step of a demonstration is far from the goal, the last within one step's motion of it.
    assert np.abs(batch.demo_goal[batch.is_demo]).max() > goals.MAX_DISTANCE


def test_whole_turns_are_shown_once():
    """A demonstration is of its whole turn, wherever rollouts begin; each step once, when the outcome is known."""
    rules = Rules(7, 3, 3, "own", whole_turns=True)
    batches, _ = play(rules, num_draws=3)
    whole, earlier = steps_of(batches), 0
    for i in range(NUM_GAMES):
        shown, turn, expected = [], [], []
        for batch in batches:
            for steps, goal, is_demo in ((batch.transitions, batch.demo_goal, batch.is_demo), batch.earlier[:3]):
                shown += [(*steps.poses.position[i, t, 0], *goal[i, t, 0]) for t in np.flatnonzero(is_demo[i])]
            earlier += batch.earlier.is_demo[i].sum()
            assert not np.any(batch.earlier.is_demo[i] & ~batch.earlier.steps.valid[i])
        for t in range(3 * NUM_STEPS):
            turn += [] if whole.bobs_turn[i, t] else [t]
            if whole.resolved[i, t]:
                missed = whole.goal_valid[i, t] and not whole.success[i, t]
                here = [whole.poses.position[i, step, 0] for step in turn if missed]
                expected += [(*place, *(whole.goal.position[i, t, 0] - place)) for place in here]
                turn = []
        np.testing.assert_allclose(sorted(shown), sorted(expected), atol=1e-6)
    assert earlier > NUM_GAMES
