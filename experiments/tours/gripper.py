# %% [markdown]
# # The gripper, on goals and objects of yours
#
# Alice and Bob of `self_play.load("one")` come with the package. They learned with one cube, from each other alone, in
# half an hour. Here Bob is asked for what neither of them ever was: the goals of exams, those of a function of yours,
# and a cross, which he has never held. It takes about a minute, most of it compiling and drawing.
#
# `.venv/bin/python -m experiments.tours.gripper` runs it, and an editor or Jupyter shows it as a notebook.

# %%
# %matplotlib inline
import sys

import jax
import jax.numpy as jnp
from PIL import Image

import self_play
from self_play import exams, holdouts

sys.path.append(f"{self_play.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import films

NUM_GAMES, NUM_STEPS = 64, 240
player, table = self_play.load("one")

# %% [markdown]
# ## Goals
# Goals are a pure function: (key, scene, where the objects are, which there are) -> where they are to be. These are
# places on a ring, in the air. A task is such a function and the table that it is for.


# %%
def on_a_ring(key, scene, now, mask):
    del scene, mask
    angle = 2 * jnp.pi * jax.random.uniform(key, dtype=jnp.float32)
    place = jnp.stack([0.15 * jnp.cos(angle), 0.15 * jnp.sin(angle), jnp.float32(0.15)])
    return now._replace(position=jnp.broadcast_to(place, now.position.shape))


tasks = {name: holdouts.HOLDOUTS[name] for name in ("push_1", "pick_and_place_1")}
tasks["on a ring"] = holdouts.Holdout("blocks", 1, on_a_ring)

# %% [markdown]
# ## Exams
# Bob gets up to five goals a game, 100 steps for each, and no other after one that he fails. An object of yours makes
# a table of its own.


# %%
def solved(table, task):
    """The fraction of the goals that he solves."""
    limits = {"num_games": NUM_GAMES, "bob_steps": 100}
    return float(jax.jit(lambda key: exams.success_rate(table, task, player, key, **limits))(jax.random.key(1)))


of_cross = self_play.tabletop.build(self_play.scene_of("blocks", 1, shapes=("cross",)))
found = {name: solved(table, task) for name, task in tasks.items()}
found["pick_and_place_1, a cross"] = solved(of_cross, tasks["pick_and_place_1"])
for name, fraction in found.items():
    print(f"{name}: {fraction:.2f} of the goals")

# %% [markdown]
# ## A film
# Bob alone, with the goals of `pick_and_place`; the ghost is his goal. MuJoCo's renderer makes the pictures where there
# is OpenGL (`MUJOCO_GL=egl` where there is no display), else they are drawn. `film` holds a GIF's bytes, for a file of
# yours; the last picture of it is shown.


# %%
def filmed(player, table, goal_source, num_steps, seed):
    """Pictures of one game, [n, height, width, 3], and a GIF's bytes."""
    rules = {"goal_source": goal_source, "alice_steps": 2, "bob_steps": 100, "max_goals": 5}
    setup = self_play.setup(table=table, num_games=1, num_steps=num_steps, **rules)
    game = jax.jit(lambda key: self_play.record(setup, player, key, num_steps=num_steps))(jax.random.key(seed))
    third = jax.tree.map(lambda leaf: leaf[::3], game)  # of the steps
    images = films.pictures(table.scene, third, width=320, height=240)
    return images, films.gif(images, every=1, frame_seconds=0.12)


images, film = filmed(player, table, holdouts.pick_and_place, NUM_STEPS, seed=3)
Image.fromarray(images[-1])

# %% [markdown]
# The same with the cross.

# %%
images_of_cross, unseen = filmed(player, of_cross, holdouts.pick_and_place, NUM_STEPS, seed=1)
Image.fromarray(images_of_cross[-1])

# %% [markdown]
# ## Two cubes, one on the other
# `self_play.load("two")` went on from there with two cubes, in less than an hour of a core. Only Alice set his goals.
# Of the towers that exams ask for he builds more than half, and this is one of them.

# %%
of_two, stacking = filmed(*self_play.load("two"), holdouts.stack, NUM_STEPS * 3 // 8, seed=3)
Image.fromarray(of_two[-1])
