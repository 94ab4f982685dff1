"""The World in which Alice and Bob play: a batch is a rollout of every game, with Alice's demonstrations marked.

Letters: see `game`, and K sequences of L steps, 1 + T = K L.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from self_play import demonstrations, episodes, game, goals, networks, observations, rollouts, starts, tabletop
from self_play.demonstrations import Demonstrations
from self_play.episodes import Episodes
from self_play.game import ALICE, BOB, Game, PolicyInput, Rules, Transition
from self_play.parallel import undivided
from self_play.scene import scene_of
from self_play.settings import check_counts, check_numbers
from self_play.tabletop import NUM_BINS, Tabletop


class ArenaState(NamedTuple):
    """The state of all games between two rollouts."""

    games: Game  # [B, ..]
    pending: Transition  # [B, ..] Alice's last step if her goal is not resolved yet; else not valid
    episodes: Episodes
    open_turn: Transition | None = None  # [B, D, ..] her steps before it that wait as well; None without whole_turns


class Batch(NamedTuple):
    """A rollout of every game: the pending step, at index 0, and T more."""

    transitions: Transition  # [B, 1 + T, ..], without memories
    memory: jax.Array  # [B, K, 2, M] both players', before the first step of each sequence
    start_memory: jax.Array  # [B, 2, M] before the step at index 1, which does not follow the one before it
    demo_goal: jax.Array  # [B, 1 + T, N, H] the goal that Alice's step led to, as Bob would have observed it
    is_demo: jax.Array  # [B, 1 + T] bool, the step is a demonstration; a past Alice's, though not valid, may be one
    last: PolicyInput  # [B, 2, ..] what each player observed last; its value estimates the rewards to come
    restarted: jax.Array  # [B] bool, the game broke and has begun anew; its steps here are padding
    kinds: dict[str, jax.Array]  # [B, 1 + T, N] each, what the goal of each step asks, see `goals.kinds`
    start_success: jax.Array | None = None  # [starts.NUM_KINDS] Bob's running success, by where his gripper began
    earlier: Demonstrations | None = None  # [B, D, ..] of earlier rollouts; None without whole_turns
    demo_focus: jax.Array | None = None  # [B, 1 + T, N] bool, what Bob would have looked at with demo_goal; None: all


class Setup(NamedTuple):
    """The parts of an arena."""

    table: Tabletop
    rules: Rules
    num_games: int  # B
    num_steps: int  # T
    num_tasks: int  # size of a finite set of episodes, or 0
    memory_size: int  # M
    bptt_length: int  # L


def arena(*, divide: Callable = undivided, **settings: Any) -> tuple:
    """The World of asymmetric self-play: (data, init, draw). A draw plays every game for num_steps more.

    divide: see `parallel.undivided`; the axis is "batch", of games. settings: see `setup`. The learner's predict:
    PolicyInput [B, ..] -> (logits [B, 2, A, NUM_BINS], memory [B, 2, M]), a past version's where PolicyInput.is_past is
    True.
    """
    parts = setup(**settings)
    rules, memory_size = parts.rules, parts.memory_size
    table = parts.table._replace(step=divide(parts.table.step, "batch"))

    def by_game(state):
        games, pending, open_turn = divide((state.games, state.pending, state.open_turn), "batch")
        return ArenaState(games, pending, state.episodes, open_turn)

    def init(key, data):
        del data
        sizes = parts.num_games, parts.num_tasks, parts.bptt_length
        return by_game(init_games(table, rules, memory_size, key, *sizes))

    def draw(key, data, state, act):
        del data
        act = act or _random_policy(table)
        before = by_game(state)
        state, batch = play(table, rules, parts.num_steps, act, key, before, bptt_length=parts.bptt_length)
        return by_game(state), divide(batch, "batch")

    return (), init, draw


def setup(
    *,
    num_games: int,
    num_steps: int,
    num_tasks: int = 0,
    lstm_size: int = 0,
    bptt_length: int = 1,
    table: Tabletop | None = None,
    **settings: Any,
) -> Setup:
    """The parts of an arena, or ValueError if a setting is out of its range.

    num_games: B. num_steps: T. num_tasks: size of a finite set of episodes, which are drawn again and again; 0: every
    episode is fresh. lstm_size, bptt_length: the learner's; a batch has the players' memories where it loads them.
    table: one of your own in place of a scene, its physics may be anything. settings: fields of `game.Rules`, with the
    defaults there; all others are of the scene, see `scene.scene_of`, and `scene.pucks` and `scene.blocks`.
    """
    rules = Rules(**{name: settings.pop(name) for name in Rules._fields if name in settings})
    _check(rules, num_games=num_games, num_steps=num_steps, bptt_length=bptt_length)
    check_counts(0, num_tasks=num_tasks, lstm_size=lstm_size)
    if table is not None and settings:
        raise ValueError(f"{next(iter(settings))} is a setting of a scene, and table= has its own: set it there")
    table = table or tabletop.build(scene_of(**settings))
    on_the_way = rules.bob_shares is not None or rules.alice_grasps is not None or rules.bob_head_starts > 0
    if on_the_way and not table.scene.robot.has_fingers:
        of_fingers = "bob_shares, bob_head_starts and alice_grasps are of fingers"
        raise ValueError(f"{of_fingers}: set mode='blocks', or a table with the gripper")
    return Setup(table, rules, num_games, num_steps, num_tasks, networks.memory_size(lstm_size), bptt_length)


def _check(rules, **counts):
    choices: dict[str, tuple] = {
        "bob_starts": ("own", "alice"),
        "alice_reward": ("success", "timestep"),
        "demonstrations": ("failed", "valid"),
        "goal_source": (*episodes.SOURCES, rules.goal_source) if callable(rules.goal_source) else episodes.SOURCES,
    }
    for name, values in choices.items():
        if getattr(rules, name) not in values:
            raise ValueError(f"{name} must be {' or '.join(map(repr, values))}, got {getattr(rules, name)!r}")
    check_numbers(0.0, 1.0, past_prob=rules.past_prob, bob_head_starts=rules.bob_head_starts)
    if rules.bob_shares is not None and rules.bob_shares not in starts.SHARES:
        raise ValueError(f"bob_shares must be one of {', '.join(starts.SHARES)}, got {rules.bob_shares!r}")
    if rules.bob_shares is not None and rules.bob_starts != "own":
        raise ValueError("bob_shares needs bob_starts='own': with 'alice' Bob begins where she does")
    if rules.alice_grasps is not None:
        check_numbers(0.0, 1.0, alice_grasps=rules.alice_grasps)
    elif rules.alice_regrasps:
        raise ValueError("alice_regrasps needs alice_grasps, by which her gripper begins at an object")
    check_counts(**counts, **{name: getattr(rules, name) for name in ("alice_steps", "bob_steps", "max_goals")})


def init_games(
    table: Tabletop,
    rules: Rules,
    memory_size: int,
    key: jax.Array,
    num_games: int,
    num_tasks: int = 0,
    bptt_length: int = 1,
) -> ArenaState:
    """All games at the start of an episode. The key is consumed."""
    k_tasks, k_games = jax.random.split(key)
    source = episodes.init_episodes(table, rules, k_tasks, num_tasks)

    def one(key):
        return game.begin(table, episodes.reset(table, rules, source, key), memory_size)

    games = jax.vmap(one)(jax.random.split(k_games, num_games))
    pending = jax.vmap(partial(_padding, table))(games)
    if not rules.whole_turns:
        return ArenaState(games, pending, source)
    num_open = -(-game.max_alice_steps(rules, table) // bptt_length) * bptt_length  # in whole sequences
    open_turn = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], num_open, axis=1), _bare(pending))
    return ArenaState(games, pending, source, open_turn)


def play(
    table: Tabletop,
    rules: Rules,
    num_steps: int,
    act: Callable,
    key: jax.Array,
    state: ArenaState,
    *,
    bptt_length: int = 1,
) -> tuple[ArenaState, Batch]:
    """Plays every game for T more steps. act: see `rollouts.rollout`. bptt_length: L. The key is consumed.

    A game that broke, because its physics or an observation was not finite, has begun anew: see `Batch.restarted`.
    """
    reset_fn = partial(episodes.reset, table, rules, state.episodes)
    alices_memory: Any = state.pending.policy_input.memory  # never None here
    games, steps, memories, broken = rollouts.rollout(
        table, rules, num_steps, act, reset_fn, key, state.games, alices_memory, bptt_length=bptt_length
    )
    memory = jnp.concatenate([alices_memory[:, None], memories.heads[:, :-1]], axis=1)
    memory, start_memory, alices_memory = (
        jax.vmap(lambda broke, leaf: jnp.where(broke, 0.0, leaf))(broken, leaf)
        for leaf in (memory, state.games.memory, memories.alices)
    )
    mend = partial(jax.vmap(partial(_without_broken, table)), broken, games)
    pending, steps = mend((_bare(state.pending), steps))
    open_turn = None if state.open_turn is None else mend((state.open_turn,))[0]
    source = episodes.update(rules, state.episodes, steps)
    steps = _joined(jax.tree.map(lambda leaf: leaf[:, None], pending), steps)
    steps, pending = jax.vmap(_set_aside)(steps, games.bobs_turn)
    waiting = steps if open_turn is None else _joined(open_turn, steps)
    goal, is_demo = jax.vmap(partial(demonstrations.hindsight, rules))(waiting)
    mask = waiting.policy_input.observation.mask
    demo_goal = jax.vmap(jax.vmap(table.observe_goal))(waiting.poses, goal, mask)
    demo_focus = None
    if table.scene.focus:
        demo_focus = jax.vmap(jax.vmap(partial(_bobs_focus, table)))(waiting, goal)
    earlier, shown = None, (demo_goal, is_demo, demo_focus)
    if open_turn is not None:
        num_open = open_turn.valid.shape[1]
        earlier = Demonstrations(open_turn, *jax.tree.map(lambda leaf: leaf[:, :num_open], shown))
        demo_goal, is_demo, demo_focus = jax.tree.map(lambda leaf: leaf[:, num_open:], shown)
        open_turn = jax.vmap(partial(demonstrations.open_turn, num_steps=num_open))(waiting)
    is_past = steps.policy_input.is_past
    by_past = jnp.where(steps.bobs_turn, is_past[:, :, BOB], is_past[:, :, ALICE])
    steps = steps._replace(valid=steps.valid & ~by_past)
    pending = pending._replace(policy_input=pending.policy_input._replace(memory=alices_memory))
    mask = steps.policy_input.observation.mask
    kinds = jax.vmap(jax.vmap(partial(goals.kinds, table.reached)))(steps.poses, steps.goal, mask)
    now = jax.vmap(partial(game.observe, table))(games)
    hers = jax.tree.map(lambda a, b: jax.vmap(jnp.where)(pending.valid, a, b), pending.policy_input, now)
    last = jax.tree.map(lambda a, b: jnp.stack([a, b], axis=1), hers, now)
    of_rollout = steps, memory, start_memory, demo_goal, is_demo, last, broken, kinds
    batch = Batch(*of_rollout, source.success, earlier, demo_focus)
    return ArenaState(games, pending, source, open_turn), batch


def _bobs_focus(table, step, goal):
    """What Bob would have looked at in a step of Alice's, had it been his with this goal. -> [N] bool."""
    (gripper, objects, mask), now = step.policy_input.observation, step.poses
    q = observations.positions(table.scene, gripper, now)
    held = objects[:, objects.shape[1] - len(table.scene.robot.touching) :].any(axis=-1)
    settled = observations.settled(table.scene, now, goal, mask, held)
    return observations.focus(table.scene, q, now, goal, mask, mask & ~settled)


def _padding(table, one):
    """A transition that is not valid, of the shapes of this game's."""
    two = jnp.zeros(2, jnp.float32)
    no = jnp.zeros((), bool)
    goal = table.poses(one.state)
    action = jnp.zeros(table.scene.num_dimensions, jnp.int32)
    kind = None if one.kind is None else jnp.int32(-1)
    seen = game.observe(table, one)
    return Transition(seen, goal, no, no, action, two[0], two, two > 0, no, no, no, goal, kind, one.way)


def _joined(before, after):
    """Steps [B, ..] that follow others."""
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), before, after)


def _bare(transition):
    """The same without memory."""
    return transition._replace(policy_input=transition.policy_input._replace(memory=None))


def _without_broken(table, broken, one, steps):
    """The transitions [.., ..] of one game, or padding in place of all of them if it broke."""
    padding = _bare(_padding(table, one))

    def one_part(part):
        return jax.tree.map(
            lambda leaf, empty: jnp.where(broken, jnp.broadcast_to(empty, leaf.shape), leaf), part, padding
        )

    return tuple(map(one_part, steps))


def _set_aside(steps, bobs_turn):
    """Sets aside Alice's last step of one game if Bob is still at her goal: the reward is not known yet.

    -> (steps, that step; not valid if there is none). The step is at index 0 of the next rollout.
    """
    hers = steps.valid & ~steps.bobs_turn
    last = hers.shape[0] - 1 - jnp.argmax(hers[::-1])
    waits = bobs_turn & hers[last]
    pending = jax.tree.map(lambda leaf: leaf[last], steps)._replace(valid=waits)
    return steps._replace(valid=steps.valid.at[last].set(steps.valid[last] & ~waits)), pending


def _random_policy(table):
    def act(policy_input):
        shape = (policy_input.memory.shape[0], 2, table.scene.num_dimensions, NUM_BINS)
        return jnp.zeros(shape, jnp.float32), policy_input.memory

    return act
