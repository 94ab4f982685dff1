# %% [markdown]
# # Distributions that never end
#
# The ideal world of the Deep Bootstrap shows every sample once. So its distributions are samplers: sample `i` is a pure
# function of `(key, i)`, made when it is needed, the same in any batch and on any device. Train and test samples are of
# one law. Here are the four that come with `bootstrap.distributions`, and what is known about them.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.distributions` runs it, in seconds.

# %%
# %matplotlib inline
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
from bootstrap import distributions

sys.path.append(f"{bootstrap.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures

digits = data.digits(None)
shown = {
    "deformed digits": distributions.digits(*digits.train),
    "shapes": distributions.shapes(),
    "a Gaussian mixture": distributions.gaussians(num_inputs=2, num_classes=3, num_components=2, separation=3.5),
    "a teacher's labels": distributions.teacher(num_inputs=2, num_classes=3, features=(32, 32), seed=2),
}


@partial(jax.jit, static_argnums=0)
def draw(sampler, key, arrays, index):
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, index)
    return jax.vmap(sampler, in_axes=(0, None))(keys, arrays)


key = jax.random.key(0)
samples = {
    name: jax.tree.map(np.array, draw(one.sampler, key, one.arrays, jnp.arange(600))) for name, one in shown.items()
}

# %% [markdown]
# `python -m launch.gallery runs --only=distributions` keeps the picture: images by their label, planes in its
# colour.

# %%
picture = figures.samples.distributions(samples)
picture

# %% [markdown]
# ## What is known
# No classifier can be better than the posterior, which a mixture lets us compute. With label noise even the teacher,
# who makes no error, is wrong as often as the noise.

# %%
mixture = shown["a Gaussian mixture"]
k_bayes, k_noisy = jax.random.split(jax.random.key(1))
bayes = distributions.bayes_errors(k_bayes, mixture, 20_000)
noisy = distributions.bayes_errors(k_noisy, mixture, 20_000, noise=0.2)
print(f"Bayes error of the mixture: {bayes['error']:.3f}; with a fifth of the labels wrong: {noisy['error']:.3f}")

# %%
teacher = shown["a teacher's labels"]
noisy_sampler = distributions.with_label_noise(teacher.sampler, teacher.num_classes, 0.2)
x, y = draw(noisy_sampler, key, teacher.arrays, jnp.arange(4000))
_, clean = draw(distributions.with_label_noise(teacher.sampler, 3, 0.0), key, teacher.arrays, jnp.arange(4000))
wrong = float((y != clean).mean())
print(f"wrong labels: {wrong:.3f}")
