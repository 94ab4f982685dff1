# %% [markdown]
# # A density model of digits
#
# One GLN a pixel predicts it from the pixels before it. It learns online, in one pass, without backpropagation. So
# does one network for all pixels, with more to see and Newton's step, which needs far fewer images.
#
# `COLLAGE_DATA=DIR .venv/bin/python -m experiments.tours.glns_density` runs it; DIR holds binarised MNIST.

# %%
# %matplotlib inline
import sys

import jax
import jax.numpy as jnp
import numpy as np

import bootstrap
import glns
from glns import shared_density
from glns.density_estimation import inpaint, sample

sys.path.append(f"{glns.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures

# %% [markdown]
# ## Learn 12,000 images, once

# %%
NUM_DRAWN = 8
images = data.binarized_mnist(data.default_dir(), num_train=12000, num_test=NUM_DRAWN)
height, width = images.test.x.shape[1:]
learner = bootstrap.Learner(*glns.density((16, 1), spread=30.0, learning_rate=0.002))
world = bootstrap.real(*map(jnp.asarray, images.train), batch_size=240)


@jax.jit
def learn(key, arrays):
    lived = bootstrap.World(arrays, world.init, world.draw)
    return bootstrap.advance(key, learner, lived, bootstrap.begin(key, learner, lived), 50)


run, metrics = learn(jax.random.key(0), world.data)

# %% [markdown]
# ## Draw images from nothing, and from their upper halves

# %%
k_samples, k_paint = jax.random.split(jax.random.key(1))
samples = jax.vmap(lambda key: sample(key, run.learner, (height, width)))(jax.random.split(k_samples, NUM_DRAWN))
halves = jnp.broadcast_to(jnp.arange(height)[:, None] < height // 2, (height, width))
painted = jax.vmap(lambda key, image: inpaint(key, run.learner, image, halves))(
    jax.random.split(k_paint, NUM_DRAWN), images.test.x
)

# %% [markdown]
# ## The same by one network for all pixels, after 2,000 images
# It is native code, on a CPU: `glns/shared_density.py` says how it departs from the papers.

# %%
shared = bootstrap.Learner(*shared_density.learner())
few = jnp.asarray(images.train.x[::6])
state, shared_metrics = jax.jit(shared.update)(None, shared.init(jax.random.key(0), (few,)), (few, None))
draw = jax.jit(jax.vmap(shared_density.inpaint, in_axes=(0, None, 0, None)))
nothing, k_shared, k_shared_paint = jnp.zeros_like(halves), *jax.random.split(jax.random.key(2))
shared_samples = draw(jax.random.split(k_shared, NUM_DRAWN), state, images.test.x, nothing)
shared_painted = draw(jax.random.split(k_shared_paint, NUM_DRAWN), state, images.test.x, halves)

# %%
rows = {
    f"a network a pixel: samples, after 12,000 images ({metrics['nats'][-1]:.1f} nats on the last 240)": samples,
    f"one for all: samples, after 2,000 images ({shared_metrics['nats']:.1f} nats on these)": shared_samples,
    "unseen images": images.test.x,
    "their lower halves drawn anew: a network a pixel": painted,
    "one for all": shared_painted,
}
picture = figures.samples.pictures({label: np.asarray(row) for label, row in rows.items()})
picture

# %% [markdown]
# `python -m launch.gallery runs --only=density` keeps it.
