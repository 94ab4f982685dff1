"""Sources of goals that learn from Bob's turns, on tables where objects stay where they are."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from self_play import scene, sources, tabletop
from self_play.game import BOB, PolicyInput, Transition
from self_play.goals import Poses
from self_play.holdouts import pick_and_place, push
from self_play.observations import Observation

PUCKS = scene.pucks(2, min_objects=1, num_slots=3)
ONE, BOTH = jnp.array([True, False, False]), jnp.array([True, True, False])
NOW = Poses(jnp.zeros((3, 3)).at[:, 2].set(0.03), jnp.tile(jnp.array([1.0, 0.0, 0.0, 0.0]), (3, 1)))


def transitions(rng, share):
    """Random ones of 8 games and 100 steps, of which this share ends a turn of Bob's."""
    random = lambda *shape: rng.random((8, 100, *shape), np.float32)  # noqa: E731
    steps = Transition(*len(Transition._fields) * [None])
    seen = PolicyInput(Observation(None, None, random(3) < 0.5), *5 * [None])
    return steps._replace(
        policy_input=seen,
        poses=Poses(random(3, 3), random(3, 4)),
        done=random(2) < share,
        success=random() < 0.5,
        way=random(3, 3),
    )


def test_the_archive_has_the_latest_turns():
    """Beside a loop over three rollouts, in one of which more turns end than there are rows."""
    rng, archive, expected = np.random.default_rng(0), sources.init_archive(3), []
    for share in (0.2, 0.9, 0.3):
        steps = transitions(rng, share)
        archive = jax.jit(sources.remember)(archive, steps)
        rows = steps.poses, steps.way, steps.success, steps.policy_input.observation.mask
        ends = [(t, game) for t, game in np.ndindex(100, 8) if steps.done[game, t, BOB]]
        expected += [jax.tree.map(lambda leaf, at=at: leaf[at[1], at[0]], rows) for at in ends]
    assert int(archive.count) == len(expected) > 2 * sources.SIZE
    for number in range(len(expected) - sources.SIZE, len(expected)):
        row = jax.tree.map(lambda leaf, i=number % sources.SIZE: np.array(leaf)[i], tuple(archive[:4]))
        jax.tree.map(np.testing.assert_array_equal, row, expected[number])


def archive_of(places, mask=ONE, **fields):
    """An archive of some turns; places [n, 3], where the first object was."""
    empty, n = sources.init_archive(3), len(places)
    achieved = Poses(empty.achieved.position.at[:n, 0].set(jnp.array(places)), empty.achieved.rotation)
    return empty._replace(achieved=achieved, mask=empty.mask.at[:n].set(mask), count=jnp.int32(n), **fields)


def drawn(source, archive, mask=ONE, number=400):
    """Goals of the first object [number, 3]."""
    draw = jax.jit(jax.vmap(lambda key, archive: source(key, PUCKS, NOW, mask, archive).position[0], (0, None)))
    return np.array(draw(jax.random.split(jax.random.key(0), number), archive))


CROWD = [(0.2, 0.01 * i, 0.03) for i in range(9)] + [(-0.2, 0.0, 0.03)]


def test_replay_draws_any_and_mega_the_rarest():
    for source, fraction in ((sources.replay, 0.1), (sources.mega, 1 - 0.9**32)):
        goals = drawn(source, archive_of(CROWD))
        assert {*map(tuple, np.round(goals, 5))} <= {*map(tuple, np.round(np.float32(CROWD), 5))}
        assert np.mean(goals[:, 0] < 0) == pytest.approx(fraction, abs=0.05)


def test_the_kernel_is_a_gaussian_of_the_objects_that_are_there():
    rng = np.random.default_rng(0)
    points, rows, mask = rng.random((4, 3, 3), np.float32), rng.random((5, 3, 3), np.float32), rng.random((5, 3)) < 0.5
    squares = np.sum(mask[None, :, :, None] * (points[:, None] - rows[None]) ** 2, axis=(2, 3))
    np.testing.assert_allclose(sources._kernel(points, rows, mask, 0.3), np.exp(-squares / 0.18), rtol=1e-4)


def test_mega_leaves_out_what_bob_is_not_likely_to_reach():
    """He was least often far to the right, which he never reaches, and then to the left."""
    places = [(0.2, 0.0, 0.03)] * 9 + [(-0.2, 0.0, 0.03)] * 2 + [(0.4, 0.0, 0.03)]
    way = jnp.zeros((sources.SIZE, 3, 3)).at[: len(places), 0, 0].set(jnp.array(places)[:, 0])
    reached = jnp.arange(sources.SIZE) < len(places) - 1
    fractions = []
    for success in (reached, jnp.zeros_like(reached)):
        goals = drawn(sources.mega, archive_of(places, way=way, success=success))
        fractions.append([np.mean(np.abs(goals[:, 0] - x) < 1e-5) for x in (0.2, -0.2, 0.4)])
    (_, left, far), (_, _, unknown) = fractions
    assert left > 0.5
    assert far < 0.05 < 0.9 < unknown


@pytest.mark.parametrize("source", [sources.replay, sources.mega, sources.sfl])
def test_a_goal_is_fresh_where_nothing_in_the_archive_suits(source):
    """As long as no turn ended, or none with both objects."""
    for archive, mask in ((sources.init_archive(3), ONE), (archive_of(CROWD), BOTH)):
        goals = drawn(source, archive, mask, number=50)
        assert len(np.unique(goals[:, :2], axis=0)) == 50
        assert np.linalg.norm(goals[:, :2], axis=1).min() > 0.04


def test_sfl_sets_goals_that_may_be_reached_or_not():
    """Bob reaches what lies to the left, never what lies to the right, and of what is in between every second one."""
    places = np.random.default_rng(0).uniform(-0.25, 0.25, (sources.SIZE, 3)) * [1, 1, 0]
    success = np.where(np.abs(places[:, 0]) < 0.08, np.arange(sources.SIZE) % 2 == 0, places[:, 0] < 0)
    way = jnp.zeros((sources.SIZE, 3, 3)).at[:, 0].set(jnp.array(places))
    draw = functools.partial(sources.sfl, width=0.04)
    archives = archive_of(places, way=way, success=jnp.array(success)), sources.init_archive(3)
    known, fresh = (np.mean(np.abs(drawn(draw, archive)[:, 0]) < 0.08) for archive in archives)
    assert known > 1.6 * fresh


def test_an_arena_keeps_the_archive():
    """On a table where nothing moves Bob ends where he began, and after a rollout those are his goals."""
    table = tabletop.build(PUCKS)._replace(step=lambda state, action: state)
    rules = {"alice_steps": 2, "bob_steps": 3, "max_goals": 2, "goal_source": sources.replay}
    _, init, draw = self_play.arena(num_games=16, num_steps=30, table=table, **rules)
    state, draw = jax.jit(lambda key: init(key, ()))(jax.random.key(0)), jax.jit(draw)
    before, batch = draw(jax.random.key(1), (), state, None)
    archive, steps = before.episodes.archive, jax.tree.map(lambda leaf: np.array(leaf)[:, 1:], batch.transitions)
    ends, mask = steps.done[..., BOB], steps.policy_input.observation.mask
    assert int(archive.count) == ends.sum() > 50
    of_turns = np.where(mask[..., None], steps.goal.position - steps.poses.position, 0.0)[ends]
    known = np.where(np.array(archive.mask)[..., None], archive.way, 0.0)[: len(of_turns)]
    np.testing.assert_allclose(known[np.lexsort(known[:, 0].T)], of_turns[np.lexsort(of_turns[:, 0].T)], atol=1e-6)
    after, _ = draw(jax.random.key(2), (), before, None)
    anew = np.array(after.games.num_goals) == 0
    goals = np.array(after.games.preset_goals.position)[anew, 0, 0]
    assert len(goals)
    reached = np.array(archive.achieved.position)[: int(archive.count), 0]
    there = np.any(np.all(goals[:, None] == reached[None], axis=-1), axis=1)
    assert np.all(there | ~np.array(after.games.state.mask)[anew, 0])


def test_a_mixture_has_goals_of_each_of_its_sources():
    of = {"push": push, "lift": pick_and_place}
    draw = jax.vmap(lambda key: sources.mixed(key, PUCKS, NOW, ONE, goal_sources=of).position[0])
    keys = jax.random.split(jax.random.key(0), 1000)
    with jax.debug_key_reuse(True):
        places = np.array(draw(jnp.copy(keys)))
    apart = jax.vmap(lambda key: jax.random.split(key, 3))(keys)
    is_push, is_lift = (
        np.all(places == jax.vmap(lambda key, one=one: one(key, PUCKS, NOW, ONE).position[0])(apart[:, i]), axis=-1)
        for i, one in enumerate(of.values(), 1)
    )
    assert np.all(is_push ^ is_lift)
    assert 0.45 < is_lift.mean() < 0.55


def test_a_mixture_of_nothing_or_of_what_learns_is_refused():
    for of, message in (({}, "must name some"), ({"push": push, "sfl": sources.sfl}, "'sfl' learns from an archive")):
        with pytest.raises(ValueError, match=message):
            sources.mixed(jax.random.key(0), PUCKS, NOW, ONE, goal_sources=of)
