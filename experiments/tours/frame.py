# %% [markdown]
# # A learner of your own in every world
#
# A `Learner` is three pure functions, a `World` is data and two more, and `advance` joins any of them. So whoever
# writes a learner has it in every world at once. Here is one of twenty lines that nobody published: it remembers the
# mean of each class, and takes what is new to be of the nearest. We put it into five worlds, give it one
# number more, and see what that is good for, where a world changes beside a Gated Linear Network. It takes half a
# minute on a laptop, most of it compiling.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.frame` runs it.

# %%
# %matplotlib inline
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
import glns

sys.path.append(f"{glns.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures
from experiments.configs.bootstrap_blur import A_LITTLE

# %% [markdown]
# ## The learner
# Its state is what it has learned: any tree of arrays. `update` gets a batch and returns the next state, with numbers
# to be recorded. A bandit's batch has a third part, what was paid: only what paid is remembered.


# %%
class Means(NamedTuple):
    """What it has learned."""

    sums: jax.Array  # [K, D], of the inputs of each class
    counts: jax.Array  # [K], of how many


def nearest_mean(num_classes, keep=1.0):
    """keep: what is left of all memories after a batch."""

    def init(key, example):
        del key  # nothing is drawn
        return Means(jnp.zeros((num_classes, example[0][0].size)), jnp.zeros(num_classes))

    def predict(state, x):
        means = state.sums / jnp.maximum(state.counts, 1e-6)[:, None]
        distances = jnp.sum((x.reshape(len(x), 1, -1) - means[None]) ** 2, axis=-1)
        known = (state.counts > 0)[None]
        return jax.nn.log_softmax(jnp.where(known, -distances, 0.0))  # what is unknown is tried first

    def update(key, state, batch):
        del key
        x, y, *paid = batch
        right = paid[0] if paid else predict(state, x).argmax(-1) == y  # asked before it learns
        weights = jax.nn.one_hot(y, num_classes) * (paid[0][:, None] if paid else 1.0)
        sums = keep * state.sums + weights.T @ x.reshape(len(x), -1)
        return Means(sums, keep * state.counts + weights.sum(axis=0)), {"error": 1 - right.mean()}

    return bootstrap.Learner(init, update, predict)


# %% [markdown]
# ## The worlds
# 1347 digits, again and again; digits that never come twice; rows whose two classes change places halfway; four tasks
# in a row, in each of which the pixels are permuted anew; and a bandit, which shows a digit, and pays if the learner
# pulls the right one of ten arms, but never says which would have been right.

# %%
digits = data.digits(None)
fresh = data.deformed_digits(None, size=8, num_test=1000, **A_LITTLE)
stream = data.drifting(None, stream="mixed", num_rows=2560)
pixels, labels = digits.train.x.reshape(-1, 64), digits.train.y
orders = np.stack([np.random.default_rng(task).permutation(64) for task in range(4)])
worlds = {  # name -> (world, classes, steps)
    "digits": (bootstrap.real(*digits.train, batch_size=32), 10, 80),
    "ever new digits": (bootstrap.ideal(fresh.sampler, fresh.arrays, batch_size=32), 10, 80),
    "two classes change places": (bootstrap.in_order(*stream.train, batch_size=32), 2, 80),
    "four tasks in a row": (bootstrap.permuted(pixels, labels, orders, samples_per_task=640, batch_size=32), 10, 80),
    "a bandit": (bootstrap.bandits.world(pixels, np.eye(10)[labels]), 10, 80 * 32),
}

# %% [markdown]
# ## All of it
# A run is one scan; many seeds are a `vmap`; the whole is one compiled program for each learner in each world.


# %%
def accuracies(learner, world, num_steps, num_seeds=3):
    """On each batch of 32 before it was learned: [seeds, batches]."""

    def one(key, arrays):
        here = world._replace(data=arrays)  # arrays are arguments of the program
        run = bootstrap.begin(key, learner, here)
        return 1 - bootstrap.advance(key, learner, here, run, num_steps)[1]["error"]

    of_steps = jax.jit(jax.vmap(one, in_axes=(0, None)))(jax.random.split(jax.random.key(0), num_seeds), world.data)
    return np.asarray(of_steps).reshape(num_seeds, 80, -1).mean(axis=-1)


small: dict[str, Any] = {**glns.ROBUST, "sizes": (20, 1)}
found = {}
for name, (world, num_classes, num_steps) in worlds.items():
    learners = {"nearest mean": nearest_mean(num_classes), "one that forgets": nearest_mean(num_classes, keep=0.9)}
    if name in ("two classes change places", "four tasks in a row"):
        learners["GLN"] = bootstrap.Learner(*glns.learner(num_classes, **small))
    found[name] = {label: accuracies(learner, world, num_steps) for label, learner in learners.items()}
    said = ", ".join(f"{label} {curves.mean():.3f}" for label, curves in found[name].items())
    print(f"{name}: accuracy on the next batch: {said}")

# %%
picture = figures.adaptation(found)
picture

# %% [markdown]
# Where a world changes, memory without end is a burden, and where it does not, forgetting is. The GLN, which nobody
# tells how fast a world changes, is ahead of both. Now the learner is yours to mend.
#
# In a file `mine.py`, named `"mine:nearest_mean"` in a config, the same function has all that a run has: resume,
# sweeps, baselines, tables, figures, devices. "Bring your own" in README.md shows how.
