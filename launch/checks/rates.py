"""How fast the papers' inner loops are on a device, by their sizes and by the forms that they have."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import bootstrap
import glns
import self_play
from glns import native
from launch import execution
from launch.suites import self_play as tables
from launch.suites.benchmark import NUM_CLASSES, Program, rate, stream
from self_play import mjx_warp, tabletop

_SECONDS = 0.5  # a rate is measured for
Lines = Iterator[tuple[str, float | str, str]]


def glns_forms(small: bool) -> Lines:
    """Examples a second of ten classes at [128, 128, 1] with 4 half-spaces: by form, chunk and number of seeds."""
    sizes = (16, 16, 1) if small else (128, 128, 1)
    forms = (*(["native"] if native.available and jax.default_backend() == "cpu" else []), "pallas", "gram", "scan")
    x, y = stream(1024, 64 if small else 784)
    for seeds in (1, 2) if small else (1, 8, 64):
        for chunk in (32,) if small else (64, 128, 256):
            for form in forms:
                if form == "scan" and seeds * chunk > 512:  # hopeless, and slow to say so
                    continue
                learner = bootstrap.Learner(*glns.learner(NUM_CLASSES, sizes, 4, implementation=form))
                world = bootstrap.real(x, y, batch_size=chunk)
                program = _advancing(learner, world, seeds, chunk, num_steps=2)
                yield f"glns/{form}/chunk{chunk}/seeds{seeds}", rate(program, _SECONDS), "examples/s"


def physics(small: bool) -> Lines:
    """Physics steps a second under random actions; games that became NaN; how far a control step is from a CPU's."""
    kinds = ("mjx", "warp") if mjx_warp.available() and jax.default_backend() == "gpu" else ("auto",)
    for name in ("puck", "blocks1") if small else ("blocks1", "puck", "blocks2"):
        for kind in kinds:
            table = tables.table_of(name, kind)
            line = f"{name}/{tabletop.physics_of(table.scene)}"
            for num_games in (8,) if small else (1024, 16384, 4096):
                states, actions = tables.states_and_actions(table, num_games)
                count = len(actions) * num_games * table.scene.substeps
                program = tables.bare_tables(table, states, actions, count)
                yield f"{line}/games{num_games}", rate(program, _SECONDS), "physics steps/s"
                after = program.step(None)
                yield f"{line}/games{num_games}/nan", int(np.isnan(np.asarray(after.q)).any(axis=-1).sum()), "games"
            yield f"{line}/deviation", _from_cpu(name, table), "m or rad"


def _from_cpu(name: str, table: Any, num_games: int = 8) -> float:
    """The greatest difference in any coordinate after one control step from what MJX computes on a CPU."""
    states, actions = tables.states_and_actions(table, num_games)

    def positions(table, device):
        placed = jax.device_put((states, actions[0]), device)
        return np.asarray(jax.jit(jax.vmap(table.step))(*placed).q)

    on_cpu = positions(tables.table_of(name, "mjx"), jax.devices("cpu")[0])
    return float(np.abs(positions(table, jax.devices()[0]) - on_cpu).max())


def resnets(small: bool) -> Lines:
    """Images a second of a ResNet-18 that learns: at three precisions, and several members in each form."""
    width, batch = (4, 8) if small else (64, 128)
    x = jax.random.normal(jax.random.key(0), (4 * batch, 32, 32, 3))
    world = bootstrap.real(x, jnp.arange(4 * batch) % NUM_CLASSES, batch_size=batch)

    def program(members=1, over=jax.vmap, **settings):
        net = bootstrap.nets.ResNet18(NUM_CLASSES, width=width, **settings)
        learner = bootstrap.Learner(*bootstrap.sgd.learner(net, optax.sgd(0.1, momentum=0.9)))
        return _advancing(learner, world, members, batch, num_steps=2, over=over)

    for name in ("highest",) if small else ("highest", "tensorfloat32"):
        with jax.default_matmul_precision(name):
            yield f"resnet18/{name}", rate(program(), _SECONDS), "images/s"
    yield "resnet18/bfloat16", rate(program(dtype=jnp.bfloat16), _SECONDS), "images/s"
    forms = [(4, "vmap"), (4, "sequential"), (16, "vmap"), (16, "vmap:4"), (16, "sequential")]
    for members, form in [(2, "sequential")] if small else forms:
        yield f"resnet18/members{members}/{form}", rate(program(members, execution.mapped(form)), _SECONDS), "images/s"
    learner = bootstrap.Learner(
        *bootstrap.sgd.learner(bootstrap.nets.ResNet18(NUM_CLASSES, width=width), optax.sgd(0.1))
    )
    begin, advance = (partial(of, jax.random.key(0), learner, world) for of in (bootstrap.begin, bootstrap.advance))
    step = jax.make_jaxpr(partial(advance, num_steps=1))(jax.eval_shape(begin))
    yield "resnet18/rule", execution.suitable_form(step, jax.default_backend()), "form that a run takes"


def self_play_update(small: bool) -> Lines:
    """Control steps a second of a whole update of two players, and of its rollout alone."""
    num_games, num_steps = (8, 8) if small else (1024, 128)
    arena = self_play.arena(mode="pucks", num_objects=1, num_games=num_games, num_steps=num_steps)
    world = bootstrap.World(*arena)
    learner = bootstrap.Learner(*self_play.learner(num_minibatches=4 if small else 16, sample_reuse=3))
    update = _advancing(learner, world, 1, num_games * num_steps, num_steps=1)
    run = jax.tree.map(lambda leaf: leaf[0], update.state)

    @jax.jit
    def roll(games):
        act = partial(learner.predict, run.learner)
        return world.draw(jax.random.key(1), world.data, games, act)

    rollout = Program(lambda pair: roll(pair[0]), (run.world, None), num_games * num_steps)
    whole, alone = rate(update, _SECONDS), rate(rollout, _SECONDS)
    yield f"puck/games{num_games}/update", whole, "control steps/s"
    yield f"puck/games{num_games}/rollout", alone, "control steps/s"
    yield f"puck/games{num_games}/learning", 1 - whole / alone, "of the time"


def draws(small: bool) -> Lines:
    """Samples a second that a real and an ideal world draw, for a learner that does nothing with them."""
    batch = 32 if small else 128
    x, y = stream(1347, 64)
    images = x.reshape(-1, 8, 8)
    worlds = {
        "real": bootstrap.real(images, y, batch_size=batch),
        "ideal": bootstrap.ideal(bootstrap.images.deformed, (images, y), batch_size=batch),
    }
    for name, world in worlds.items():
        program = _advancing(_onlooker(), world, 1, batch, num_steps=20)
        yield f"draw/{name}/batch{batch}", rate(program, _SECONDS), "samples/s"


def _onlooker() -> bootstrap.Learner:
    """It looks at every number of a batch, and learns nothing."""

    def update(key, state, batch):
        del key
        return state + sum(leaf.sum() for leaf in jax.tree.leaves(batch)), {}

    return bootstrap.Learner(lambda *_: jnp.zeros(()), update, lambda *_: None)


def density_step(small: bool) -> Lines:
    """Images a second of the density model."""
    side, batch = (8, 8) if small else (28, 60)
    learner = bootstrap.Learner(*glns.density((4 if small else 16, 1), num_patterns=8 if small else 60))
    images = jax.random.bernoulli(jax.random.key(0), 0.3, (4 * batch, side, side)).astype(jnp.float32)
    world = bootstrap.real(images, jnp.zeros(4 * batch, jnp.int32), batch_size=batch)
    yield f"density/batch{batch}", rate(_advancing(learner, world, 1, batch, num_steps=1), _SECONDS), "images/s"


def _advancing(
    learner: bootstrap.Learner,
    world: bootstrap.World,
    members: int,
    batch: int,
    num_steps: int,
    over: Callable = jax.vmap,
) -> Program:
    """Members that live in their worlds, each with its own seed: one compiled program advances them all."""
    seeds = jnp.arange(members, dtype=jnp.uint32)

    @partial(jax.jit, donate_argnums=1)
    def advance(data, run):
        def one(seed, run):
            here = world._replace(data=data)
            return bootstrap.advance(jax.random.key(seed), learner, here, run, num_steps)[0]

        return over(one, in_axes=(0, 0))(seeds, run)

    run = jax.jit(jax.vmap(lambda seed: bootstrap.begin(jax.random.key(seed), learner, world)))(seeds)
    return Program(partial(advance, world.data), run, members * batch * num_steps)
