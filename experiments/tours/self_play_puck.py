# %% [markdown]
# # Alice and Bob, a tour
#
# Bob is to learn to bring a puck wherever he is told. Nobody tells him where: Alice plays first, and where the puck is
# when her turn ends is his goal. She is paid for what he cannot do yet, he for doing it (OpenAI et al. 2021). This tour
# watches her goals grow harder, and then asks Bob for goals of a task that neither of them ever saw.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.self_play_puck` runs it, in about two minutes, most of them compiling.

# %%
# %matplotlib inline
import functools
import sys

import jax
import jax.numpy as jnp

import bootstrap
import self_play
from self_play import holdouts
from self_play.exams import success_rate

sys.path.append(f"{self_play.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import Records, figures

NUM_GAMES, NUM_UPDATES, EVERY = 128, 45, 5

# %% [markdown]
# ## The game and its players
# `arena` is a World: a draw of it plays 128 games on by 128 steps, each of Alice or of Bob, whoever's turn it is in
# that game. `learner` is a Learner, whose update is PPO for both, and for Bob the cloning of what Alice showed him. So
# the frame's `advance` trains them, as it trains a classifier.

# %%
world = bootstrap.World(*self_play.arena(num_games=NUM_GAMES, num_steps=128, alice_steps=30, bob_steps=60))
learner = bootstrap.Learner(
    *self_play.learner(
        learning_rate=2e-3, num_minibatches=16, sequence_fraction=0.6, pool_size=3, pool_every=NUM_UPDATES // 3
    )
)
task = holdouts.HOLDOUTS["uniform"]
table = holdouts.table_of(task)


def exam(learned):
    """The share of the goals of the task `uniform` that Bob solves: another place of the table, up to five a game."""
    act = functools.partial(learner.predict, learned)
    return success_rate(table, task, act, jax.random.key(1), num_games=64, bob_steps=100)


@jax.jit
def train(key):
    """-> (the run, its metrics: means of every five updates, and Bob's exams)."""

    def chunk(run, _):
        run, metrics = bootstrap.advance(key, learner, world, run, EVERY)
        return run, (jax.tree.map(jnp.mean, metrics), exam(run.learner))

    return jax.lax.scan(chunk, bootstrap.begin(key, learner, world), length=NUM_UPDATES // EVERY)


run, (metrics, exams) = jax.device_get(train(jax.random.key(0)))

# %% [markdown]
# ## Goals grow harder
# `goal_distance` is how far the puck is from its goal when Bob's turn begins. What he can do, Alice is paid little for.

# %%
records = [
    {
        "step": (i + 1) * EVERY,
        **{f"train/{name}": float(values[i]) for name, values in metrics.items()},
        "eval/holdout_success": float(exams[i]),
    }
    for i in range(len(exams))
]
for record in records:
    print(
        f"after {record['step']:3} updates: goals {record['train/goal_distance']:.2f} m away, of which Bob reaches "
        f"{record['train/bob_success']:.2f}; of the exam's {record['eval/holdout_success']:.2f}"
    )
picture = figures.curriculum({"one puck": Records(records)})
picture

# %% [markdown]
# The exam's goals are drawn over the whole table. Alice never saw one, and Bob is told of them first in the exam.
#
# ## What he does
# `self_play.render_frames` makes frames of a game, and `self_play.html_page` a page on which they play. A run of
# `experiments/configs/self_play_puck.py` leaves both in its folder, and who of the past could beat whom.
