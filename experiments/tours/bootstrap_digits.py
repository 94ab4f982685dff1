# %% [markdown]
# # The Deep Bootstrap, a tour
#
# A network that reuses its samples is tested, and then another that never sees a sample twice: the same start, the same
# steps, the same first epoch. How far apart do they come? Not far, say Nakkiran, Neyshabur and Sedghi (2021), for as
# long as the first still has something to learn from its samples, though by then it knows them by heart and errs on
# others. This tour shows it in a minute, and then asks a Gated Linear Network.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.bootstrap_digits` runs it.

# %%
# %matplotlib inline
import sys
from typing import Any

import jax
import jax.numpy as jnp
import optax

import bootstrap
import glns

sys.path.append(f"{glns.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import analyses, data, figures
from experiments.records import SEEDS, Records, path

NUM_SAMPLES, BATCH_SIZE, NUM_STEPS, EVERY = 500, 32, 900, 30

# %% [markdown]
# ## A sea of digits
# `deformed_digits` draws one of 1797 digits and bends it; its test part is of the same law. Sample i of a stream is a
# function of a key and i, so the two worlds can share them, and n, the number of samples, is a number like any other:
# one program computes both worlds.

# %%
digits = data.deformed_digits(None, size=8, num_test=1000)
draw: Any = digits.sampler


def sample(key, index, arrays):
    return draw(jax.random.fold_in(key, index), arrays)


# %% [markdown]
# ## One comparison
# `paired` is a world of n samples. A learner is any (init, update, predict). Everything below `compare` is under one
# `jit`, and mapped over the worlds and over three seeds.


# %%
def compare(learner, num_seeds=3):
    """Test and train scores of both worlds, as the records of a run."""

    def one(seed, num_samples, arrays, test):
        world = bootstrap.paired(sample, arrays, batch_size=BATCH_SIZE, num_samples=num_samples)
        key = jax.random.key(seed)
        run = bootstrap.begin(key, learner, world)
        first_samples: Any = world.first_samples
        x, y, _ = first_samples(arrays, run.world, NUM_SAMPLES)

        def chunk(run, _):
            run, _ = bootstrap.prefetch.advance(key, learner, world, run, EVERY, prefetch=EVERY)
            parts = {"train": (x, y), "test": test}
            return run, {
                f"{part}_{name}": score
                for part, (inputs, labels) in parts.items()
                for name, score in bootstrap.scores(learner.predict(run.learner, inputs), labels).items()
            }

        return jax.lax.scan(chunk, run, length=NUM_STEPS // EVERY)[1]

    over_seeds = jax.vmap(one, in_axes=(0, None, None, None))
    over_worlds = jax.jit(jax.vmap(over_seeds, in_axes=(None, 0, None, None)))
    sizes = jnp.array([NUM_SAMPLES, bootstrap.UNLIMITED], jnp.uint32)
    curves = jax.device_get(over_worlds(jnp.arange(num_seeds), sizes, digits.arrays, tuple(digits.test)))
    lines: list[dict] = [{"step": (i + 1) * EVERY} for i in range(NUM_STEPS // EVERY)]
    for name, of_worlds in curves.items():  # [2, seeds, evaluations]
        for world, values in zip(("real", "ideal"), of_worlds, strict=True):
            where = path("eval", name, world)
            for line, seeds in zip(lines, values.T, strict=True):
                line |= {where: float(seeds.mean()), f"{where}{SEEDS}": seeds.tolist()}
    return Records(lines, cells=("real", "ideal"))


def say(name, records):
    """Prints what follows from the records, and returns it."""
    said = analyses.gap(records)
    stop, error = said["stopping_step"], said["bootstrap_error"]
    print(f"{name}: at step {stop:.0f} {said['frac_stopped']:.0%} of the seeds know their samples.")
    print(f"  Test soft error: real {said['real_soft_error']:.3f}, ideal {said['ideal_soft_error']:.3f}.")
    print(f"  So the bootstrap error is {error:+.3f} ± {said['bootstrap_error_se']:.3f},")
    print(f"  and the generalisation gap {said['generalisation_gap']:.3f}.")
    return said


network = bootstrap.Learner(*bootstrap.sgd.learner(bootstrap.nets.MLP((128, 128), 10), optax.sgd(0.1, momentum=0.9)))
of_network = compare(network)
network_said = say("SGD network", of_network)

# %% [markdown]
# The gap between the worlds is an order of magnitude smaller than the gap between test and train: how well the network
# generalises from few samples is mostly how fast it learns from many.
#
# ## The same for a GLN
# Its neurons learn online, each by a convex rule of its own and without backpropagation. `compare` does not mind.

# %%
of_gln = compare(
    bootstrap.Learner(*glns.learner(10, (16, 16, 1), 4, learning_rate=0.03, feature_epsilon=1 / 16, shared_gates=True))
)
gln_said = say("GLN", of_gln)

# %%
picture = figures.pair({"SGD network": of_network, "Gated Linear Network": of_gln})
picture
