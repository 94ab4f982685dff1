# %% [markdown]
# # Gated Linear Networks, a tour
#
# A GLN learns online, without backpropagation: every neuron predicts the target itself, and a *context*, a function of
# the input alone, chooses which of its weights it uses. This tour trains one on scikit-learn's digits, asks it what it
# saw in a digit, and shows what it keeps of tasks long past. It takes about half a minute on a laptop.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.glns_digits` runs it.

# %%
# %matplotlib inline
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import bootstrap
import glns

sys.path.append(f"{glns.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures

digits = data.digits(None)
print(len(digits.train.x), "digits to learn from,", len(digits.test.x), "to be tested on")

# %% [markdown]
# ## One pass
# A `Learner` is three pure functions, a `World` shows it batches, and `advance` joins them. Each of the ten classes has
# a network of 50 + 25 + 1 neurons. Within a batch the examples are learned one after the other, each predicted first:
# the error below is that of predictions made *before* each digit was learned.

# %%
settings = {"offset_scale": 0.05, "learning_rate": 0.03, "feature_epsilon": 1 / 16, "shared_gates": True}
learner = bootstrap.Learner(*glns.learner(10, (50, 25, 1), 4, **settings))
world = bootstrap.real(*digits.train, batch_size=64)
key = jax.random.key(0)


@partial(jax.jit, static_argnums=2)
def advance(data, run, num_steps):
    return bootstrap.advance(key, learner, world._replace(data=data), run, num_steps)


run, metrics = advance(world.data, bootstrap.begin(key, learner, world), 21)
test_error = (learner.predict(run.learner, digits.test.x).argmax(-1) != digits.test.y).mean()
print(f"error while learning {metrics['error'].mean():.3f}, on the test digits after one pass {test_error:.3f}")

# %% [markdown]
# ## What did it see?
# Given the contexts of an input, the network is linear in logits, so the prediction *is* a weighted sum of the inputs.
# `explain.saliency` gives those weights, exactly: red speaks for the class, blue against it. A rule that clips nothing
# gives the product of the active rows alone (the paper's picture). `experiments/gallery/saliency.png` is this one.

# %%
gate, exact = glns.context.half_spaces(4, offset_scale=0.05), glns.bernoulli.Rule(epsilon=1e-30)
explain = partial(glns.explain.saliency, rule=exact, gate=gate, feature_epsilon=1 / 16, shared_gates=True)
chosen = [int(np.argmax(digits.test.y == n)) for n in range(10)]
maps = jax.vmap(partial(explain, run.learner))(digits.test.x[np.array(chosen)]).weights
saliency = figures.samples.saliency(digits.test.x[chosen], np.array(maps)[range(10), range(10)], list("0123456789"))
saliency

# %% [markdown]
# The sum is the prediction, to rounding. And as one pixel of a digit goes from white to black, the prediction follows:

# %%
x = digits.test.x[chosen[3]]
values = jnp.linspace(0, 1, 5)
swept = jnp.exp(glns.explain.sensitivity(partial(learner.predict, run.learner), jnp.array(x), (3, 2), values))
print("p(it is a 3) as the pixel at row 3, column 2 darkens:", np.round(swept[:, 3], 3))

# %% [markdown]
# ## What does it keep?
# Four tasks in a row: the same digits, their pixels permuted anew for each, and no word that the task has changed. The
# GLN's contexts differ from task to task, so new tasks overwrite little of what old ones left. An SGD network has no
# such thing; elastic weight consolidation (EWC) is told where tasks end and holds on to what mattered.

# %%
num_tasks, batch_size, samples_per_task = 4, 10, 2690
steps_per_task, flat = samples_per_task // batch_size, lambda part: np.reshape(part.x - 0.3, (len(part.x), -1)) * 3
permutations = np.stack([np.arange(64), *map(np.random.default_rng(0).permutation, [64] * (num_tasks - 1))])
tasks = bootstrap.permuted(
    flat(digits.train), digits.train.y, permutations, samples_per_task=samples_per_task, batch_size=batch_size
)
net, tx = bootstrap.nets.MLP((200, 100), 10), optax.sgd(0.03)
learners = {
    "GLN": bootstrap.Learner(*glns.learner(10, (50, 25, 1), 4, offset_scale=0.05, standardised=False)),
    "SGD": bootstrap.Learner(*bootstrap.sgd.learner(net, tx)),
    "SGD with EWC": bootstrap.Learner(*bootstrap.ewc.learner(net, tx, strength=30.0, consolidate_every=steps_per_task)),
}


def accuracies(learner):
    """After each task, the accuracy on every task so far."""

    @jax.jit
    def one_task(data, run):
        return bootstrap.advance(key, learner, tasks._replace(data=data), run, steps_per_task)[0]

    run, rows = bootstrap.begin(key, learner, tasks), []
    for task in range(num_tasks):
        run = one_task(tasks.data, run)
        guesses = [learner.predict(run.learner, flat(digits.test)[:, order]) for order in permutations[: task + 1]]
        rows.append([float((guess.argmax(-1) == digits.test.y).mean()) for guess in guesses])
    return rows


kept = {name: accuracies(one) for name, one in learners.items()}
for name, rows in kept.items():
    print(f"{name:13} accuracy on the first task after each task:", np.round([row[0] for row in rows], 3))
