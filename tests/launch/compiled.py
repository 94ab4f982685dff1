"""What configs compile to on the devices that there are. As a program it writes a line of JSON for each of them."""

import collections
import functools
import json
import re
import sys
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

import experiments
from blur import native
from experiments import registry
from experiments.data import Data, Part
from glns import density_estimation
from launch import devices, programs
from launch.clock import Clock
from self_play import goals, observations, ppo_learner, tabletop

_BLOBS = {"name": "gaussians", "num_inputs": 16, "num_classes": 8, "separation": 2.0, "num_test": 4}
_GLN = {"name": "glns", "num_classes": 2, "sizes": (64, 32, 1), "num_half_spaces": 4}
_RANDOM = {"name": "random", "num_states": 2, "normalise": "both"}


def _data(*shape, target):
    """24 inputs of this shape, all zeros and ones; target: of each, numbers [24, ..]."""
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(24, *shape)).astype(np.float32)
    part = Part(x, target(rng))
    return lambda data_dir: Data(part, part)


registry.KINDS["data"].names.update(
    {
        "bits": _data(8, 8, target=lambda rng: rng.integers(2, size=24).astype(np.int32)),
        "numbers": _data(16, target=lambda rng: rng.normal(size=(24, 1)).astype(np.float32)),
        "rewards": _data(16, target=lambda rng: rng.uniform(size=(24, 256)).astype(np.float32)),
    }
)


def _config(learner, world, data="none"):
    data = {"name": data} if isinstance(data, str) else data
    return {"learner": learner, "world": world, "data": data}


def _samples(learner, batch_size):
    data = _BLOBS | {"num_classes": learner.get("num_classes", 8)}
    return _config(learner, {"name": "paired", "batch_size": batch_size, "num_samples": 100}, data)


def _tasks(learner, num_tasks):
    families = {"xor": {"name": "xor"}}
    return _config(
        learner, {"name": "tasks", "families": families, "unroll": 2, "batch_size": 32, "num_tasks": num_tasks}
    )


_META = _tasks({"name": "blur_meta", "init_genome": _RANDOM, "sizes": (64, 2), "population": 4, "sequential": False}, 2)

CONFIGS = {
    "sgd": _samples(
        {
            "name": "sgd",
            "net": {"name": "mlp", "features": (32,), "num_classes": 8},
            "tx": {"name": "optax:sgd", "learning_rate": 0.1},
        },
        64,
    ),
    **{f"glns/{form}": _samples(_GLN | {"implementation": form}, 16) for form in ("native", "gram", "pallas")},
    "glns/density": _config(
        {"name": "glns_density", "sizes": (16, 1), "num_patterns": 30, "pattern_bits": 4, "context_bits": 2},
        {"name": "real", "batch_size": 12},
        "bits",
    ),
    "glns/regressor": _config(
        {"name": "glns_regressor", "sizes": (64, 32, 1), "num_half_spaces": 4},
        {"name": "real", "batch_size": 12},
        "numbers",
    ),
    "glns/bandit": _config(
        {"name": "glns_bandit", "num_arms": 256, "sizes": (16, 8, 1), "num_half_spaces": 1},
        {"name": "bandit"},
        "rewards",
    ),
    "blur_meta": _META,
    "blur_meta/native": _META,
    "blur_evolution": _tasks(
        {"name": "blur_evolution", "init_genome": _RANDOM, "sizes": (64, 2), "population": 16, "num_held_out": 1}, 1
    ),
    "self_play": _config(
        {
            "name": "self_play",
            "embedding": 32,
            "widths": (32,),
            "sample_reuse": 1,
            "num_minibatches": 2,
            "pool_size": 1,
        },
        {"name": "self_play", "num_games": 16, "num_steps": 7, "alice_steps": 2, "bob_steps": 2, "past_prob": 0.2},
    ),
}


def _table(scene):
    """A table on which an action moves the one object, in a loop of as many turns as its place says."""
    alike, upright = goals.symmetries_of("none"), jnp.array([[1.0, 0.0, 0.0, 0.0]])
    low, high = np.zeros(3), np.ones(3)

    def reset(key):
        zero = jnp.zeros(2)
        touch, mask = jnp.zeros((1, 1), bool), jnp.ones(1, bool)
        return observations.State(jax.random.uniform(key, (1, 3)), zero, zero, zero, zero, zero[0], touch, mask)

    def step(state, action):
        turns = (10 * state.q[0, 0]).astype(jnp.int32) % 4
        moved = jax.lax.while_loop(
            lambda at: at[0] < turns,
            lambda at: (at[0] + 1, at[1].at[0, :2].add(0.01 * (action - 5))),
            (jnp.zeros((), jnp.int32), state.q),
        )
        return state._replace(q=moved[1])

    return tabletop.Tabletop(
        scene=scene,
        reset=reset,
        place=None,
        step=step,
        poses=lambda state: goals.Poses(state.q, upright),
        observe=lambda state: observations.Observation(jnp.ones(3), state.q, state.mask),
        observe_goal=lambda now, goal, mask: goal.position - now.position,
        judge=lambda *args: goals.judge(*args, alike, table=(2.0, 2.0), area=(low, high)),
        reached=lambda *args: goals.reached(*args, alike),
    )


def _in_one_part(prepare, *args, num_parts, **settings):
    del num_parts
    return prepare(*args, num_parts=1, **settings)


def measure(name):
    """-> the metrics of two steps of one seed, and of the program that takes them the FLOPs and the collectives.

    collectives: [kind, number of elements, depth]: 0 outside of all loops, 1 in that over steps, 2 in one inside it.
    """
    taken = {}

    def compiling(clock):
        del clock

        def compiled(program, static, *args):
            if (program, static) not in taken:
                taken[program, static] = program.lower(*static, *args).compile()
            return taken[program, static]

        return compiled

    physics = mock.patch.object(tabletop, "build", _table)  # MJX compiles for a minute
    # On one CPU a density takes pixel after pixel, and players read a rollout part after part, in a loop whose body XLA
    # counts once.
    alike = mock.patch.object(density_estimation.network, "undivided", lambda what, axis: what)
    whole = mock.patch.object(ppo_learner, "prepare", functools.partial(_in_one_part, ppo_learner.prepare))
    # The work of a native kernel is not counted.
    kernel = mock.patch.object(native, "available", native.available and name.endswith("/native"))
    with mock.patch.object(programs, "_compiling", compiling), physics, alike, whole, kernel:
        compute = programs.programs(experiments.plan(CONFIGS[name]), 0, 1, Clock(), form="vmap", prefetch=1)
        _, metrics, _ = compute.advance(0, compute.begin(), 2)
    (program,) = [one for (_, static), one in taken.items() if static == (0, 2)]
    return {
        "flops": program.cost_analysis()["flops"],
        "collectives": collectives(program.as_text()),
        "metrics": {name: float(values[0]) for name, values in jax.device_get(metrics).items()},
    }


_KINDS = "all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter|collective-broadcast"


def collectives(text):
    """Those of a compiled program, as `measure` returns them. text: of the program, in XLA's language."""
    lines = collections.defaultdict(list)
    name = entry = ""
    for line in text.splitlines():
        if head := re.match(r"(ENTRY )?%?([\w.\-]+) .*\{$", line):
            name = head[2]
            entry = name if head[1] else entry
        lines[name].append(line)
    found = []

    def walk(name, depth):
        for line in lines[name]:
            if of_kind := re.search(rf"= (.*?) ({_KINDS})(-start)?\(", line):
                shapes = re.findall(r"\w\[([\d,]*)\]", of_kind[1])
                size = sum(int(np.prod([int(n) for n in shape.split(",") if n])) for shape in shapes)
                found.append([of_kind[2], size, depth])
            for callees in re.findall(r"(?:calls|to_apply|branch_computations)=\{?((?:%?[\w.\-]+(?:, )?)+)", line):
                for callee in callees.split(", "):
                    walk(callee.lstrip("%"), depth)
            for callee in re.findall(r"(?:condition|body)=%?([\w.\-]+)", line):
                walk(callee, depth + 1)

    walk(entry, 0)
    return found


if __name__ == "__main__":
    devices.schedule_in_order()
    jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[2] / ".cache" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    for one in sys.argv[1:]:
        sys.stdout.write(json.dumps({"name": one, **measure(one)}) + "\n")
