"""The tables of asymmetric self-play: their physics, and what the game of Alice and Bob costs on top of it.

  SCENE/physics/bB: physics steps of B tables under random actions; a control step is four of them. Baseline: C MuJoCo,
    `mujoco.rollout` of the same model from the same states with the same controls, on all cores.
  SCENE/mjx: the same tables where the rule puts them (blocks on a CPU: C MuJoCo), beside MJX; of 256 games.
  puck/c: pucks in C MuJoCo beside MJX, which the rule chooses.
  SCENE/reacher, SCENE/pusher: the same beside Brax's own environment of that name, in the same pipeline (MJX), random
    actions; a physics step of theirs counts as one. Of 256 games; of 16 beside the pusher, which is slow.
  SCENE/game: control steps of whole games between random players, with the whole batch computed. Baseline: the bare
    tables, from the states of such games, under random actions. The ratio is the fraction of time spent in physics.
  SCENE/train: control steps of whole training, rollouts and updates, with the settings of self_play_puck and
    self_play_blocks, but in minibatches of whole games. Baseline: Brax's PPO on the same table (`brax_ppo`), with the
    same numbers of games, steps, epochs and minibatches, and the same layers. It has one player, who learns from every
    step; ours has two, and each learns from its own steps. Both have learned for some updates, because the solver takes
    more iterations as more is pushed.
  SCENE/train/games, SCENE/train/physics: the same training. Baselines: its rollouts alone, and the bare tables. The
    fraction of time spent in learning is 1 - the first ratio, the fraction spent in physics is the second ratio.

Floor: of every physics step the solver's first iteration counts, the Hessian of all contact slots, 2 E V^2 operations
for E rows of constraints and V velocities, and its factorisation, 2 V^3 / 3; and the bytes of positions, velocities and
warm start, read and written. Collisions, kinematics and further iterations do not count, so both pipelines are far
above the floor. Of a control step only its physics steps count.

XLA:CPU may hang in such loops unless it schedules without concurrency (`self_play.tabletop`): `benchmarks` does so.

Letters: A dimensions of an action, B games, C joints that are driven, T control steps.
"""

import functools
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from mujoco import MjData, MjModel, rollout  # pyrefly: ignore

import bootstrap
import self_play
from launch import devices
from launch.suites import brax_ppo
from launch.suites.benchmark import Benchmark, Comparison, Program
from self_play.tabletop import NUM_BINS

_SCENES = {  # name: mode, settings of the scene, turns of a game
    "puck": ("pucks", {"num_objects": 1}, {"alice_steps": 20, "bob_steps": 40}),
    "pucks2": ("pucks", {"num_objects": 2}, {"alice_steps": 20, "bob_steps": 40}),
    "blocks1": ("blocks", {"num_objects": 1}, {"alice_steps": 50, "bob_steps": 100}),
    "blocks2": ("blocks", {"num_objects": 2}, {"alice_steps": 50, "bob_steps": 100}),
    "blocks3": ("blocks", {"num_objects": 3}, {"alice_steps": 50, "bob_steps": 100}),
}
_STEPS = 50  # T


def benchmarks() -> Iterator[Benchmark]:
    """A line for each scene and batch, then those beside Brax's own environments, the games, and the training."""
    devices.schedule_in_order()  # in time: nothing is computed yet
    for name in _SCENES:
        for num_games in (64, 256, 1024, 4096):
            yield Benchmark(f"self_play/{name}/physics/b{num_games}", "steps/s", functools.partial(_c, name, num_games))
    for name in _SCENES:
        if name.startswith("blocks"):
            yield Benchmark(f"self_play/{name}/mjx", "steps/s", functools.partial(_pipelines, name, "auto"))
    yield Benchmark("self_play/puck/c", "steps/s", functools.partial(_pipelines, "puck", "c"))
    for name, theirs, num_games, num_steps in (("puck", "reacher", 256, _STEPS), ("blocks1", "pusher", 16, 2)):
        build = functools.partial(_brax, name, theirs, num_games, num_steps)
        yield Benchmark(f"self_play/{name}/{theirs}", "steps/s", build)
    for name in ("puck", "blocks1", "blocks2"):
        yield Benchmark(f"self_play/{name}/game", "steps/s", functools.partial(_game, name, 256))
    for name in _TRAININGS:
        for line in ("train", "train/games", "train/physics"):
            yield Benchmark(f"self_play/{name}/{line}", "steps/s", functools.partial(_train, name, line))


def _c(name: str, num_games: int) -> Comparison:
    """The table against the same model in `mujoco.rollout`."""
    table = table_of(name)
    states, actions = states_and_actions(table, num_games)
    substeps, model = table.scene.substeps, MjModel.from_xml_string(table.scene.mjcf)
    targets, after = jax.jit(functools.partial(_targets, table))(states, actions)
    controls = np.repeat(np.asarray(targets, np.float64)[:, :, list(table.scene.drive.controls)], substeps, axis=0)
    begun = np.concatenate([np.zeros((num_games, 1)), np.asarray(states.q), np.asarray(states.qd)], axis=1)
    threads = [MjData(model) for _ in range(devices.usable_cores())]

    def roll(_):
        return rollout.rollout(model, threads, begun, controls.swapaxes(0, 1), persistent_pool=True)[0]

    in_c = roll(None)[:, substeps - 1, 1 : 1 + model.nq]  # after one control step: later, contact is chaotic
    chex.assert_trees_all_close(np.asarray(after), in_c, atol=2e-3)
    count = _STEPS * num_games * substeps
    return Comparison(bare_tables(table, states, actions, count), Program(roll, None, count), *floor(model))


def _pipelines(name: str, physics: str) -> Comparison:
    """The table in one pipeline against MJX: 256 games, the same states and actions."""
    table, in_mjx = table_of(name, physics), table_of(name, "mjx")
    states, actions = states_and_actions(table, 256)
    count = _STEPS * 256 * table.scene.substeps
    least = floor(MjModel.from_xml_string(table.scene.mjcf))
    return Comparison(bare_tables(table, states, actions, count), bare_tables(in_mjx, states, actions, count), *least)


def _brax(name: str, theirs: str, num_games: int, num_steps: int) -> Comparison:
    """The table against an environment of Brax's, both in MJX; of theirs num_steps control steps are timed."""
    table = table_of(name, "mjx")
    states, actions = states_and_actions(table, num_games)
    with warnings.catch_warnings(action="ignore"):
        import brax.envs

        env: Any = brax.envs.get_environment(theirs, backend="mjx")
    keys = jax.random.key_data(jax.random.split(jax.random.key(0), num_games))  # Brax knows no typed keys
    with warnings.catch_warnings(action="ignore"):
        begun = jax.jit(jax.vmap(lambda key: env.reset(key).pipeline_state))(keys)
    pushes = jax.random.uniform(jax.random.key(1), (num_steps, num_games, env.action_size), minval=-1.0)

    @jax.jit
    def step(begun, pushes):
        return jax.lax.scan(lambda now, push: (jax.vmap(env.pipeline_step)(now, push), None), begun, pushes)[0]

    model = MjModel.from_xml_string(table.scene.mjcf)
    ours = bare_tables(table, states, actions, _STEPS * num_games * table.scene.substeps)
    count = num_steps * num_games * env._n_frames
    return Comparison(ours, Program(lambda _: step(begun, pushes), None, count), *floor(model))


def _game(name: str, num_games: int) -> Comparison:
    """The whole game against its tables alone."""
    mode, settings, turns = _SCENES[name]
    table = table_of(name)
    data, init, draw = self_play.arena(mode=mode, num_games=num_games, num_steps=_STEPS, **settings, **turns)

    @jax.jit
    def play(carry):
        (games, _), i = carry
        return draw(jax.random.fold_in(jax.random.key(0), i), data, games, None), i + 1

    arena = jax.jit(lambda: init(jax.random.key(1), data))()
    shapes = jax.eval_shape(lambda games: draw(jax.random.key(0), data, games, None)[1], arena)
    carry = (arena, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)), jnp.zeros((), jnp.int32)
    for _ in range(8):  # until the games are at all places
        carry = play(carry)
    actions, count = _random_actions(table, num_games), _STEPS * num_games
    operations, traffic = floor(MjModel.from_xml_string(table.scene.mjcf))
    bare = bare_tables(table, carry[0][0].games.state, actions, count)
    return Comparison(
        Program(play, carry, count), bare, table.scene.substeps * operations, table.scene.substeps * traffic
    )


class _Training(NamedTuple):
    """What is trained in a line. The baseline's layers are `hidden`: ours embeds object and gripper in 64 each."""

    num_games: int
    num_steps: int
    rules: dict
    learner: dict
    hidden: tuple
    warm_up: int  # updates; of pucks, after 4, the solver takes a fifth fewer iterations


_UPDATE = {"num_minibatches": 16, "sample_reuse": 3}
_TRAININGS = {
    "puck": _Training(256, 128, {"alice_steps": 30, "bob_steps": 60}, {}, (128, 64), 20),
    "blocks1": _Training(
        32,
        511,
        {"alice_steps": 40, "bob_steps": 80, "max_goals": 2, "bob_shares": "success", "alice_grasps": 0.8},
        {"widths": (128, 128), "sees_time": True},
        (128, 128, 128),
        4,
    ),
}


def _train(name: str, line: str) -> Comparison:
    """The whole training against Brax's PPO, its own rollouts, or the bare tables."""
    mode, settings, _ = _SCENES[name]
    table, of = table_of(name), _TRAININGS[name]
    num_games, num_steps = of.num_games, of.num_steps
    world = bootstrap.World(
        *self_play.arena(mode=mode, num_games=num_games, num_steps=num_steps, **of.rules, **settings)
    )
    learner = bootstrap.Learner(*self_play.learner(learning_rate=1e-3, sequence_fraction=0.5, **of.learner, **_UPDATE))

    @jax.jit
    def train(run):
        return bootstrap.advance(jax.random.key(0), learner, world, run, 1)[0]

    @jax.jit
    def play(run):
        act = functools.partial(learner.predict, run.learner)
        games, batch = world.draw(jax.random.key(run.step), world.data, run.world, act)
        return run._replace(step=run.step + 1, world=games), batch

    run = jax.jit(lambda: bootstrap.begin(jax.random.key(0), learner, world))()
    for _ in range(of.warm_up):
        run = train(run)
    count = num_games * num_steps
    if line == "train":
        baseline = brax_ppo.program(table, num_games=num_games, num_steps=num_steps, hidden=of.hidden, **_UPDATE)
        for _ in range(of.warm_up):
            baseline = baseline._replace(state=baseline.step(baseline.state))
    elif line == "train/games":
        baseline = Program(lambda pair: play(pair[0]), (run, None), count)
    else:
        baseline = bare_tables(table, run.world.games.state, _random_actions(table, num_games), _STEPS * num_games)
    operations, traffic = floor(MjModel.from_xml_string(table.scene.mjcf))
    return Comparison(
        Program(train, run, count), baseline, table.scene.substeps * operations, table.scene.substeps * traffic
    )


@functools.cache
def table_of(name: str, physics: str = "auto") -> self_play.Tabletop:
    mode, settings, _ = _SCENES[name]
    return self_play.tabletop.build(self_play.scene_of(mode, physics=physics, **settings))


def states_and_actions(table: self_play.Tabletop, num_games: int) -> tuple:
    """-> (states [B], actions [T, B, A])."""
    states = jax.jit(jax.vmap(table.reset))(jax.random.split(jax.random.key(0), num_games))
    return states, _random_actions(table, num_games)


def _random_actions(table, num_games):
    return jax.random.randint(jax.random.key(2), (_STEPS, num_games, table.scene.num_dimensions), 0, NUM_BINS)


def bare_tables(table: self_play.Tabletop, states, actions, count: int) -> Program:
    """The tables from `states` on, always the same way."""

    @jax.jit
    def roll(states, actions):
        return jax.lax.scan(lambda now, action: (jax.vmap(table.step)(now, action), None), states, actions)[0]

    return Program(lambda _: roll(states, actions), None, count)


def _targets(table, states, actions):
    """-> (targets of the gripper [T, B, A], positions after the first step [B, ..])."""

    def one(now, action):
        now = jax.vmap(table.step)(now, action)
        return now, (now.target, now.q)

    targets, positions = jax.lax.scan(one, states, actions)[1]
    return targets, positions[0]


def floor(model: MjModel) -> tuple[float, float]:
    """Operations and bytes of one physics step of one table."""
    pairs = model.nnumeric and int(model.numeric_data[0])  # slots of contacts
    rows = 4 * pairs if pairs else (model.ngeom - 1) * (model.ngeom - 2) // 2  # a pyramid each, or none: one row a pair
    return 2 * rows * model.nv**2 + 2 * model.nv**3 / 3, 2 * 4 * (model.nq + 2 * model.nv)
