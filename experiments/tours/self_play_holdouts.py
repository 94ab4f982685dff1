# %% [markdown]
# # What Bob is asked and never taught
#
# Asymmetric self-play trains Bob on Alice's goals alone. Whether he has learned to push, lift, flip and stack is asked
# by tasks that neither of them ever sees: `self_play.holdouts`, a sampler of goals each. Here is one goal of every task
# (see-through) and where the objects of the same colour are to begin with; a block's upper side is pale. Some goals
# hide in objects: a block that is turned over at its place (flip), or at the place of the next one (rearrange).
#
# `.venv/bin/python -m experiments.tours.self_play_holdouts` runs it, in about a minute, nearly all of it compiling.

# %%
# %matplotlib inline
import sys

import jax

import self_play
from self_play.holdouts import HOLDOUTS
from self_play.scene import scene_of
from self_play.tabletop import random_places

sys.path.append(f"{self_play.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments.figures import scenes

# %% [markdown]
# A task is a mode of the table, a number of objects, and a pure function of a key and of where the objects are.


# %%
def one_goal(task, key):
    """One goal of a task: its scene, where the objects are, where they are to be."""
    scene = scene_of(task.mode, task.num_objects, **task.settings)

    @jax.jit
    def sample(key):
        k_start, k_goal = jax.random.split(key)
        _, start, mask = random_places(scene, k_start)
        return start, task.goal(k_goal, scene, start, mask), mask

    return scene, *sample(key)


tasks = {name: one_goal(task, jax.random.key(3)) for name, task in HOLDOUTS.items()}
picture = scenes.holdouts(tasks)
picture

# %% [markdown]
# `python -m launch.gallery runs --only=holdouts` keeps it. `exams.success_rate` lets a Bob try: up to five
# goals a game, none after a failure, as in the paper (A.3).
