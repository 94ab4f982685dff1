"""Sources of goals made of others: mixtures, and those that learn from Bob's turns what he may learn next.

All are sources as those of `holdouts`, (key, scene, Poses now, mask) -> Poses of the next goal. The latter take an
`archive`, which a world keeps for a source that does. Without one, or as long as nothing in it suits, the goal is
fresh: that of another source, `goal_source`. The key is consumed.

Letters: B games, C rows of an archive, K candidates, N slots of objects, T steps.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import starts
from self_play.game import BOB, Transition
from self_play.goals import Poses, in_slots
from self_play.holdouts import push
from self_play.scene import Scene
from self_play.settings import check_counts, check_numbers

SIZE = 512  # C


class Archive(NamedTuple):
    """The latest of Bob's turns, as they ended."""

    achieved: Poses  # [C, N] where his objects were one control step before the end
    way: jax.Array  # [C, N, 3] m, from where they were at first to their goals
    success: jax.Array  # [C] bool, he reached the goal
    mask: jax.Array  # [C, N] bool, which objects there were
    count: jax.Array  # [] int32, turns that ended so far; row i is empty as long as count <= i


def takes_archive(source: Any) -> bool:
    """Whether a source of goals has the argument `archive`."""
    return callable(source) and "archive" in inspect.signature(source).parameters


def init_archive(num_slots: int) -> Archive:
    """An empty one. num_slots: N."""
    zeros = jnp.zeros((SIZE, num_slots, 3), jnp.float32)
    poses = Poses(zeros, jnp.zeros((SIZE, num_slots, 4), jnp.float32))
    return Archive(poses, zeros, jnp.zeros(SIZE, bool), jnp.zeros((SIZE, num_slots), bool), jnp.int32(0))


def remember(archive: Archive, transitions: Transition) -> Archive:
    """The archive after a rollout, transitions [B, T, ..]: turns of Bob's that ended take the places of the oldest."""
    in_time = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1).reshape(-1, *leaf.shape[2:]), transitions)
    ends = in_time.done[:, BOB]
    number = jnp.cumsum(ends, dtype=jnp.int32)
    latest = ends & (number > number[-1] - SIZE)
    place = jnp.where(latest, (archive.count + number - 1) % SIZE, SIZE)  # beyond the last row: it is dropped

    def put(old, new):
        return old.at[place].set(new, mode="drop")

    return Archive(
        achieved=jax.tree.map(put, archive.achieved, in_time.poses),
        way=put(archive.way, in_time.way),
        success=put(archive.success, in_time.success),
        mask=put(archive.mask, in_time.policy_input.observation.mask),
        count=archive.count + number[-1],
    )


def mixed(key: jax.Array, scene: Scene, now: Poses, mask: jax.Array, *, goal_sources: Mapping[str, Callable]) -> Poses:
    """A goal of one of these, drawn anew each time, each as likely: the paper's baselines mix tasks, too (C.1).

    goal_sources: by any names; none that takes an archive. The key is consumed. Raises ValueError.
    """
    if not goal_sources:
        raise ValueError("goal_sources must name some")
    if learning := [name for name, source in goal_sources.items() if takes_archive(source)]:
        raise ValueError(f"goal_sources: {learning[0]!r} learns from an archive, which a mixture does not keep")
    k_which, *keys = jax.random.split(key, 1 + len(goal_sources))
    goals = [source(key, scene, now, mask) for key, source in zip(keys, goal_sources.values(), strict=True)]
    each = [in_slots(goal, len(mask)) for goal in goals]
    which = jax.random.randint(k_which, (), 0, len(each), jnp.int32)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves)[which], *each)


def replay(
    key: jax.Array,
    scene: Scene,
    now: Poses,
    mask: jax.Array,
    archive: Archive | None = None,
    *,
    goal_source: Callable = push,
) -> Poses:
    """Where Bob's objects were at the end of one of his latest turns, each as likely."""
    return _again(key, scene, now, mask, archive, goal_source, lambda key, archive: _rows(key, archive, mask, 1)[0])


def mega(
    key: jax.Array,
    scene: Scene,
    now: Poses,
    mask: jax.Array,
    archive: Archive | None = None,
    *,
    num_candidates: int = 32,
    width: float = 0.05,
    goal_source: Callable = push,
) -> Poses:
    """Of K such places the one where he was least often: maximum entropy gain (MEGA; Pitis et al. 2020, algorithm 2).

    How often is a density of positions, by Gaussian kernels of this width, m. The paper leaves out candidates whose
    value is below a cutoff, which moves with the agent's success; here those that Bob is not half as likely to reach as
    the likeliest, as his latest turns with such a way to go say. Without that he is set what he cannot do, and learns
    nothing.
    """
    check_counts(num_candidates=num_candidates)
    check_numbers(above=0.0, width=width)

    def rarest(key, archive):
        def of_one(row):
            goal = archive.achieved.position[row]
            return _success(archive, now, mask, goal[None], width, untried=0.0)[0], _density(archive, row, width)

        rows = _rows(key, archive, mask, num_candidates)
        success, density = jax.lax.map(of_one, rows)  # all at once would take four times the memory
        likely = success >= success.max() / 2
        return rows[jnp.argmin(jnp.where(likely, density, jnp.inf))]

    return _again(key, scene, now, mask, archive, goal_source, rarest)


def sfl(
    key: jax.Array,
    scene: Scene,
    now: Poses,
    mask: jax.Array,
    archive: Archive | None = None,
    *,
    num_candidates: int = 8,
    width: float = 0.1,
    goal_source: Callable = push,
) -> Poses:
    """Of K fresh goals one that he may reach or not: sampling for learnability (SFL; Rutherford et al. 2024, §4).

    A candidate is drawn as often as p (1 - p) says, see `starts.shares`. The paper estimates p, Bob's success, by
    playing; here it is that of his latest turns with such a way to go, by Gaussian kernels of this width, m, and one
    half where there was none.
    """
    check_counts(num_candidates=num_candidates)
    check_numbers(above=0.0, width=width)
    if archive is None:
        return goal_source(key, scene, now, mask)
    k_fresh, k_choice = jax.random.split(key)
    draws = jax.vmap(lambda key: in_slots(goal_source(key, scene, now, mask), len(mask)))(
        jax.random.split(k_fresh, num_candidates)
    )
    success = _success(archive, now, mask, draws.position, width, untried=0.5)
    shares = starts.shares("success", success)
    chosen = jax.random.categorical(k_choice, jnp.log(shares))
    return jax.tree.map(lambda leaf: leaf[chosen], draws)


def _filled(archive):
    return jnp.arange(SIZE) < archive.count


def _suits(archive, mask):
    """Which rows have all these objects. -> [C] bool."""
    return _filled(archive) & jnp.all(archive.mask | ~mask[None], axis=1)


def _rows(key, archive, mask, number):
    """Random rows that suit, [number]; any, if none does."""
    count = jnp.cumsum(_suits(archive, mask))
    drawn = jax.random.randint(key, (number,), 0, jnp.maximum(count[-1], 1))
    return jnp.minimum(jnp.searchsorted(count, drawn, side="right", method="compare_all"), SIZE - 1)


def _again(key, scene, now, mask, archive, goal_source, row_of):
    """The place in the row that `row_of` (key, archive) chooses, or a fresh one if the row does not suit."""
    if archive is None:
        return goal_source(key, scene, now, mask)
    k_fresh, k_row = jax.random.split(key)
    fresh, row = in_slots(goal_source(k_fresh, scene, now, mask), len(mask)), row_of(k_row, archive)
    return jax.tree.map(
        lambda kept, new: jnp.where(_suits(archive, mask)[row], kept[row], new), archive.achieved, fresh
    )


def _density(archive, row, width):
    """How often objects were where they were in this row, but for a factor. -> []."""
    places, mask = archive.achieved.position, archive.mask
    alike = _filled(archive) & jnp.all(mask == mask[row][None], axis=1)
    return _kernel(places[row][None], places, mask, width)[0] @ alike.astype(jnp.float32)


def _success(archive, now, mask, goals, width, *, untried):
    """Bob's success in his latest turns with such ways to go as to goals [K, N, 3]; `untried` where none. -> [K]."""
    suits = _filled(archive) & jnp.all(archive.mask == mask[None], axis=1)
    near = _kernel(goals - now.position[None], archive.way, archive.mask, width)
    reached, tried = (near @ jnp.stack([suits & archive.success, suits], axis=1).astype(jnp.float32)).T
    return (reached + untried) / (tried + 1.0)


def _kernel(points, rows, mask, width):
    """Gaussian, of points [K, N, 3] about rows [C, N, 3] and their objects that are there. -> [K, C]."""
    total, mask = partial(jnp.einsum, precision="highest"), mask.astype(jnp.float32)
    squares = total("cn,knd->kc", mask, points**2) + total("cn,cnd->c", mask, rows**2)[None]
    squares -= 2 * total("knd,cnd->kc", points, mask[:, :, None] * rows)  # differences would take ten times as long
    return jnp.exp(-jnp.maximum(squares, 0.0) / (2 * width**2))
