# %% [markdown]
# # A stream that turns around, a tour
#
# An online learner meets each row once: it predicts, is told the label, learns, and goes on. Here are rows of two bits
# and two numbers whose two classes change places halfway. A GLN that nobody tuned learns them beside river's adaptive
# random forest, and says before and after the change what it goes by.
#
# It is a script in the percent format: an editor or Jupyter (through jupytext) shows it as a notebook, and
# `.venv/bin/python -m experiments.tours.streams` runs it, in about half a minute.

# %%
# %matplotlib inline
import importlib.util
import sys

import numpy as np

import glns
from glns.river import Classifier

sys.path.append(f"{glns.__path__[0]}/..")  # where `experiments` is, from whichever folder this runs
from experiments import data, figures

NUM_ROWS = 4000
names = ["first bit", "second bit", "first number", "second number"]
stream = data.drifting(None, stream="mixed", num_rows=NUM_ROWS).train
rows = [dict(zip(names, x, strict=True)) for x in stream.x.tolist()]
labels = stream.y.astype(bool).tolist()


def learn(model, start, end):
    """Whether the model was right about each row, asked before it learned it."""
    right = []
    for row, label in zip(rows[start:end], labels[start:end], strict=True):
        right.append(model.predict_one(row) == label)
        model.learn_one(row, label)
    return right


# %% [markdown]
# ## What it goes by
# Between its contexts, a GLN is a smooth function of the row, so each prediction has an exact *local linear map*: the
# derivative of the log-probability of `True` by each feature. We average it over 200 rows, once before the change and
# once at the end. A row is `True` where two of three hold: the first bit, the second, and a second number below a wave
# of the first. So both bits speak for `True` and the second number against it; then all of them change sign.

# %%
half = NUM_ROWS // 2
gln = Classifier(seed=0)


def local_map():
    """The mean of the local linear maps of 200 rows: a weight for each name."""
    maps = [gln.explain_one(row)[True] for row in rows[:200]]
    return {name: np.mean([weights[name] for weights in maps]) for name in names}


right = {"GLN": learn(gln, 0, half)}
before = local_map()
right["GLN"] += learn(gln, half, NUM_ROWS)
after = local_map()
for name in names:
    print(f"{name:13} {before[name]:+.2f} before the change, {after[name]:+.2f} at the end")

# %% [markdown]
# ## Beside a forest
# river is optional (`pip install 'river>=0.26'`). Its forest grows trees and replaces those that fall behind.

# %%
if importlib.util.find_spec("river") is None:
    print("no forest to compare with: pip install 'river>=0.26'")
else:
    from river import forest

    right["forest"] = learn(forest.ARFClassifier(n_models=10, seed=0), 0, NUM_ROWS)
for name, of_model in right.items():
    just_after = np.mean(of_model[half : half + NUM_ROWS // 8])
    print(f"{name:6} right about {np.mean(of_model):.3f} of all rows, {just_after:.3f} of those just after the change")

# %%
picture = figures.samples.prequential(right)
picture
