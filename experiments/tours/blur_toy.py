# %% [markdown]
# # BLUR, a tour
#
# In BLUR a network learns by no gradient of its own. Neurons and synapses have a few states each, and a *genome*, some
# twenty numbers that all of them share, says how the states change as a batch goes up, its labels come in, and they go
# down again. This tour writes a genome by hand, shows that it is backpropagation, meta-trains a better one, and watches
# it learn a task that it never saw. It takes about half a minute on a laptop.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.blur_toy` runs it.

# %%
# %matplotlib inline
import sys
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import blur
import bootstrap

sys.path.append(f"{blur.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures

# %% [markdown]
# ## Tasks
# Boolean functions and shapes in the plane. A family is a pure function that draws one task and its samples. The first
# six are those that genomes are meta-trained on, the others are for afterwards.

# %%
learned_from = ("xor", "and", "two_moon", "center_circle", "small_center_circle", "pieslice")
names = (*learned_from, *(name for name in blur.toys.FAMILIES if name not in learned_from))
drawn = {name: blur.toys.FAMILIES[name](jax.random.key(0), (), 500) for name in names}
toys = figures.samples.plane(drawn)
toys

# %% [markdown]
# ## A genome by hand
# Two states: the first is the activation, the second what backpropagation calls the delta. Going up, both take the
# weighted sum of the activations below, and the second becomes the non-linearity's slope there. Then the gradient of
# the loss takes the second state of the last layer; going down, each slope is multiplied by the weighted sum of the
# deltas above. A synapse changes by its source's activation times its destination's delta.

# %%
one = jnp.ones(())
genome = blur.Genome(
    blur.genome.Neuron(
        forward=jnp.array([[1.0, 0.0], [1.0, 0.0]]),  # both states, from the activations below
        backward=jnp.array([[1.0, 0.0], [0.0, 1.0]]),  # deltas from deltas
        keep=one,
        update=one,
    ),
    blur.genome.Synapse(
        pre=jnp.array([[1.0, 0.0], [0.0, 1.0]]),  # the source's activation ..
        post=jnp.array([[0.0, 1.0], [1.0, 0.0]]),  # .. times the destination's delta
        keep=one,
        update=-0.5 * one,  # minus the learning rate
    ),
)
rule = blur.backprop_rule("tanh")
inputs, labels = drawn["xor"]
targets = jax.nn.one_hot(labels, 2)
synapses = blur.network.init(jax.random.key(1), 2, (20, 2), 2, rule=rule)
stepped, _, _ = blur.network.step(genome, synapses, inputs, targets, rule=rule)


def loss(weights):
    """The same network as everyone writes it."""
    first, second = weights
    hidden = jnp.tanh(inputs @ first[:-1] + first[-1:])
    return optax.softmax_cross_entropy(hidden @ second[:-1] + second[-1:], targets).mean()


weights = [layer.forward[0] for layer in synapses]
descended = [w - 0.5 * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]
difference = max(np.abs(layer.forward[0] - w).max() for layer, w in zip(stepped, descended, strict=True))
moved = max(np.abs(layer.forward - before.forward).max() for layer, before in zip(stepped, synapses, strict=True))
print(f"a step moves weights by up to {moved:.2}; from jax.grad's step it differs by at most {difference:.1e}")

# %% [markdown]
# ## A better one
# Now let the numbers be learned, and let nobody compute a loss inside: the feedback is the label itself, +1 or -1. The
# genomes of a small population begin near the delta rule, the label less half the output. A meta-step lets
# every genome teach fresh networks ten batches of each task, and descends on the loss of the eleventh.

# %%
sizes = (32, 5)
rule_of_labels = blur.Rule(
    activation="relu_slope",
    backward_activation="linear",
    backward_update="multiplicative_second_state",
    symmetric=True,
    single_state=True,
)
init_genome = partial(blur.delta_genome, num_states=2, normalise="none", synapse_update=0.1)
settings = {"rule": rule_of_labels, "scale": 2.0}
meta = bootstrap.Learner(
    *blur.meta_learner(init_genome, sizes, population=2, learning_rate=3e-3, synchronise_every=40, **settings)
)
tasks = bootstrap.World(*blur.tasks([blur.toys.FAMILIES[name] for name in learned_from], unroll=10, batch_size=64))
key = jax.random.key(0)


@jax.jit
def advance(run):
    return bootstrap.advance(key, meta, tasks, run, 40)


begun = run = bootstrap.begin(key, meta, tasks)
for _ in range(5):
    run, metrics = advance(run)
    print(
        f"meta-step {int(run.step):3}: loss {metrics['loss'].mean():.3f}, accuracy {metrics['accuracy'].mean():.3f} on "
        "batches that were not learned"
    )
learned = blur.learned_genome(run.learner)
print(blur.describe.describe(learned, rule_of_labels))

# %% [markdown]
# ## Is it a gradient?
# If a rule were the gradient of some loss, the Jacobian of its step would be that loss's Hessian, and symmetric. That
# by hand is; what was learned is no gradient of anything.

# %%
of_rules = {"by hand": (genome, rule), "learned": (learned, rule_of_labels)}
jacobians = {
    name: blur.asymmetry.jacobian(of_genome, synapses, inputs, targets, rule=of_rule)
    for name, (of_genome, of_rule) in of_rules.items()
}
antisymmetric = {name: float(blur.asymmetry.asymmetry(jacobian)) for name, jacobian in jacobians.items()}
print({name: f"{fraction:.1e}" for name, fraction in antisymmetric.items()}, "of the Jacobian are antisymmetric")
asymmetry = figures.asymmetry({name: np.array(jacobian) for name, jacobian in jacobians.items()})
asymmetry

# %% [markdown]
# ## A task that it never saw
# Fifty batches of tasks outside the six, from eight initialisations each: each batch is predicted, then learned. The
# genome knows nothing of the width of a network or of how many classes there are. Backpropagation is the genome by
# hand, in the same network with rectifiers, at the best of four learning rates for each task.

# %%
unseen = ("cross", "triangle", "blobs")
_, begin, draw = blur.tasks([blur.toys.FAMILIES[name] for name in unseen], unroll=50, batch_size=64, num_tasks=24)
k_begin, k_draw, k_networks = jax.random.split(jax.random.key(2), 3)
_, (inputs, labels) = draw(k_draw, (), begin(k_begin, ()), None)


@partial(jax.jit, static_argnums=2)
def accuracies(key, genomes, rule):
    """On every batch before it is learned: genomes by tasks by eight networks by batches."""

    def one(genome, key, inputs, labels):
        return blur.adapt(key, genome, inputs, labels, sizes, rule=rule, scale=settings["scale"])

    of_tasks = jax.vmap(one, (None, 0, 0, 0))
    logits = jax.vmap(of_tasks, (0, None, None, None))(genomes, jax.random.split(key, 24), inputs, labels)
    right = (logits.argmax(-1) == labels[None]).mean(-1)
    return right.reshape(-1, 8, 3, 51).swapaxes(1, 2)


def stack(genomes):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *genomes)


before = blur.learned_genome(begun.learner)
learning = accuracies(jax.random.clone(k_networks), stack([learned, before]), rule_of_labels)
descending = accuracies(
    k_networks, stack([blur.backprop_genome(rate) for rate in (0.1, 0.3, 1.0, 3.0)]), blur.backprop_rule("relu")
)
best_rate = descending[:, :, :, 10].mean(-1).argmax(0)
compared = {
    name: {
        "learned genome": np.array(learning[0, task]),
        "before meta-training": np.array(learning[1, task]),
        "backpropagation": np.array(descending[best_rate[task], task]),
    }
    for task, name in enumerate(unseen)
}
for name, rules in compared.items():
    print(name, {rule: round(float(curves[:, 10].mean()), 3) for rule, curves in rules.items()}, "after ten batches")
adaptation = figures.adaptation(compared)
adaptation

# %% [markdown]
# ## A rule for your own network
# A genome whose sum is a gradient says what to make of it: how much to keep from step to step, how to norm it, how to
# age. That part fits any network, as an optax transformation, and takes the place of Adam. `muon` was made by hand and
# has no rate to tune; Adam gets the best of three. `last` names the layer that gives the logits.

# %%
digits = data.digits(None)
flat = partial(jnp.reshape, shape=(-1, 64))
net = nn.Sequential([flat, nn.Dense(64), nn.relu, nn.Dense(64), nn.relu, nn.Dense(10)])
real = bootstrap.real(*digits.train, batch_size=128)


@partial(jax.jit, static_argnums=0)
def test_errors(tx, arrays, x, y):
    """After each of 100 steps."""
    sgd = bootstrap.Learner(*bootstrap.sgd.learner(net, tx))
    here = bootstrap.World(arrays, real.init, real.draw)

    def step(run, _):
        run, _ = bootstrap.advance(key, sgd, here, run, 1)
        return run, (sgd.predict(run.learner, x).argmax(-1) != y).mean()

    return jax.lax.scan(step, bootstrap.begin(key, sgd, here), length=100)[1]


transforms: dict[str, optax.GradientTransformation] = {
    "muon, a genome": blur.gradient_transformation(*blur.optimisers.lasting(), last="layers_5"),
    **{f"Adam, rate {rate}": optax.adam(rate) for rate in (0.001, 0.003, 0.01)},
}
test = [jnp.array(part) for part in digits.test]
errors = {name: np.array(test_errors(tx, real.data, *test)) for name, tx in transforms.items()}
for name, of_steps in errors.items():
    print(f"{name:16} errs on {of_steps[9]:.3f} of the test digits after 10 steps, on {of_steps[99]:.3f} after 100")
