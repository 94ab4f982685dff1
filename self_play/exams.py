"""Exams: Bob alone with a holdout task.

Letters: N slots of objects.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play import game, observations
from self_play.game import BOB
from self_play.goals import Poses, of_source
from self_play.holdouts import Holdout
from self_play.settings import check_counts
from self_play.tabletop import Tabletop


class Result(NamedTuple):
    """What came out, [] int32 each: numbers of goals."""

    num_tried: jax.Array
    num_solved: jax.Array
    num_placed: jax.Array  # all objects were within the goals' distance at once, however turned
    num_any_order: jax.Array  # all goals were reached at once, by any of the objects that are alike


class Trial(NamedTuple):
    """Bob alone with a task, in one game."""

    game: game.Game  # in which it is always Bob's turn
    result: Result
    seen: jax.Array  # [2] bool, whether the present goal counts in num_placed, in num_any_order
    over: jax.Array  # [] bool, Bob has failed, or solved all


def success_rate(table: Tabletop, task: Holdout, act: Callable, key: jax.Array, **limits: int) -> jax.Array:
    """The fraction of goals that Bob solves. limits: see `examine`."""
    result = examine(table, task, act, key, **limits)
    return result.num_solved.astype(jnp.float32) / result.num_tried


def examine(table: Tabletop, task: Holdout, act: Callable, key: jax.Array, *, num_games: int, bob_steps: int) -> Result:
    """How many goals Bob tries, and solves. He gets up to `num_goals` in a game, and none after a failure (A.3).

    A game whose physics is not sound (`observations.is_sound`) is a failure.

    act: see `rollouts.rollout`. It is asked once with a memory of None, to learn the memory's shape. bob_steps: for
    each object, see `game.Rules`. The key is consumed.
    """
    check_counts(num_games=num_games, bob_steps=bob_steps)
    k_reset, k_goal, k_act = jax.random.split(key, 3)

    def begin(key, reset_key):
        start = game.EpisodeStart(table.reset(reset_key), jnp.zeros(2, bool), None)
        one = game.begin(table, start, memory_size=0)._replace(bobs_turn=jnp.ones((), bool))
        nothing = Result(*4 * [jnp.int32(0)])
        return _next_goal(table, task, Trial(one, nothing, jnp.zeros(2, bool), jnp.zeros((), bool)), key)

    def inputs(trials):
        return jax.vmap(functools.partial(game.observe, table))(trials.game)

    def step(carry):
        trials, t = carry
        logits, memory = act(inputs(trials))
        keys = jax.random.split(jax.random.fold_in(k_act, t), num_games)
        action = jax.vmap(jax.random.categorical)(keys, logits[:, BOB]).astype(jnp.int32)
        goal_keys = jax.random.split(jax.random.fold_in(k_goal, t + 1), num_games)
        return jax.vmap(functools.partial(_step, table, task, bob_steps))(trials, action, memory, goal_keys), t + 1

    keys = jax.random.split(jax.random.fold_in(k_goal, 0), num_games), jax.random.split(k_reset, num_games)
    trials = jax.vmap(begin)(*keys)
    _, memory = jax.eval_shape(lambda: act(inputs(trials)._replace(memory=None)))
    memory = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), memory)
    trials = trials._replace(game=trials.game._replace(memory=memory))
    trials, _ = jax.lax.while_loop(lambda carry: ~jnp.all(carry[0].over), step, (trials, jnp.int32(0)))
    return jax.tree.map(lambda leaf: jnp.sum(leaf, dtype=jnp.int32), trials.result)


def _step(table, task, bob_steps, trial, action, memory, key):
    """One control step of Bob's."""
    one, result = trial.game, trial.result
    state, count = table.step(one.state, action), one.count + 1
    counts, now = ~trial.over & observations.is_sound(state), table.poses(state)
    success = counts & jnp.all(table.reached(now, one.goal, state.mask) | ~state.mask)
    distance = jnp.linalg.norm(one.goal.position - now.position, axis=-1)
    placed = counts & jnp.all((distance <= table.scene.max_distance) | ~state.mask)
    seen = jnp.stack([placed, success | (counts & in_any_order(table, now, one.goal, state.mask))])
    new = seen & ~trial.seen
    result = Result(
        result.num_tried, result.num_solved + success, result.num_placed + new[0], result.num_any_order + new[1]
    )
    limit = bob_steps * jnp.sum(state.mask)
    over = trial.over | (~success & (count >= limit)) | (result.num_solved >= task.num_goals)
    after = Trial(one._replace(state=state, count=count, memory=memory), result, trial.seen | seen, over)
    following = _next_goal(table, task, after, key)
    return jax.tree.map(lambda a, b: jnp.where(success & ~over, a, b), following, after)


def _next_goal(table, task, trial, key):
    state = trial.game.state
    goal = task.goal(key, table.scene, table.poses(state), state.mask)
    one = trial.game._replace(goal=of_source(goal, table.scene.num_objects, table.scene.num_slots), count=jnp.int32(0))
    result = trial.result._replace(num_tried=trial.result.num_tried + 1)
    return trial._replace(game=one, result=result, seen=jnp.zeros(2, bool))


def in_any_order(table: Tabletop, now: Poses, goal: Poses, mask: jax.Array) -> jax.Array:
    """Whether each goal is reached by an object of its own that is like the goal's. mask [N] -> [] bool."""
    if not table.scene.has_equal_objects:
        return jnp.all(table.reached(now, goal, mask) | ~mask)
    objects, n = table.scene.objects, len(mask)
    alike = jnp.array([[one == other for other in objects] for one in objects])
    alike = jnp.pad(alike, (0, n - len(objects))) & mask[:, None] & mask[None]

    def of_goal(j):  # which objects are at goal j, if it were theirs
        theirs = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[j], leaf.shape), goal)
        return table.reached(now, theirs, mask) & alike[:, j]

    return can_be_matched(jax.vmap(of_goal)(jnp.arange(n)) | (jnp.eye(n, dtype=bool) & ~mask[:, None]))


def can_be_matched(allowed: jax.Array) -> jax.Array:
    """Whether the rows of a matrix [N, N] bool can take a column each, no two the same. -> [] bool.

    By dynamic programming over the 2^N sets of columns that the first rows can take.
    """
    columns = jnp.arange(allowed.shape[0])
    sets = jnp.arange(2 ** len(columns))
    is_in = (sets[:, None] >> columns[None]) & 1 == 1
    without = sets[:, None] & ~(1 << columns)[None]

    def one(taken, row):
        return jnp.any(taken[without] & is_in & row[None], axis=1), None

    return jax.lax.scan(one, sets == 0, allowed)[0][-1]
