"""Classifiers on tables, by their defaults: a GLN after one pass, beside scikit-learn's models.

Tables are three of scikit-learn's own, and those of PMLB (Olson 2017) that COLLAGE_DATA holds as NAME.tsv.gz, with the
classes in the column `target`. A line has the means over three splits, a quarter of the samples tested on: `error`, and
`loss`, log loss in nats, in which a smaller probability than 0.001 counts as that. `logistic_regression` is the one
that is not online. Features are standardised for the linear models, by their mean and deviation in the training part;
the GLN does that itself. Letters: N classes, n samples.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments import data
from glns.estimator import Classifier
from launch import cli
from launch.suites.prequential import log_loss

_SPLITS = 3
_OWN = {"breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits, "wine": datasets.load_wine}
_ENDING = ".tsv.gz"
MODELS: dict[str, Callable] = {  # a model for a seed
    "gln": lambda seed: Classifier(random_state=seed),
    "sgd": lambda seed: make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", max_iter=1, tol=None, random_state=seed)
    ),
    "naive_bayes": lambda seed: GaussianNB(),  # noqa: ARG005
    "logistic_regression": lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),  # noqa: ARG005
}


def names() -> list[str]:
    """The lines of the table: tables/TABLE/MODEL."""
    folder = data.default_dir()
    files = sorted(path.name for path in Path(folder).glob(f"*{_ENDING}")) if folder else []
    tables = [*_OWN, *(file.removesuffix(_ENDING) for file in files)]
    return [f"tables/{table}/{model}" for table in tables for model in MODELS]


def possible(chosen: list[str]) -> tuple[list[str], list[str]]:
    """All of the chosen lines, and what others lack: a sentence where there is no folder."""
    return chosen, [] if data.default_dir() else ["PMLB's tables are left out: COLLAGE_DATA=DIR names their folder"]


def lines(chosen: list[str]) -> Iterator[dict[str, Any]]:
    """Measures the chosen lines. Raises UserError for a file that is no table with classes in the column `target`."""
    for table in dict.fromkeys(name.split("/")[1] for name in chosen):
        with cli.user_errors(ValueError):
            splits = [_split(table, seed) for seed in range(_SPLITS)]
        for name in chosen:
            if name.split("/")[1] == table:
                scores = [measure(MODELS[name.split("/")[2]](seed), *split) for seed, split in enumerate(splits)]
                yield {"name": name, **{key: float(np.mean([one[key] for one in scores])) for key in scores[0]}}


def measure(model: Any, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> dict[str, float]:
    """The scores of a model of scikit-learn's interface that has learned x [n, D] and y [n]."""
    probabilities = model.fit(x, y).predict_proba(x_test)
    errors = model.classes_[probabilities.argmax(axis=1)] != y_test
    loss = log_loss(probabilities, np.searchsorted(model.classes_, y_test))
    return {"error": float(np.mean(errors)), "loss": loss}


def _split(table, seed):
    """-> x and y to learn from, x and y to test on."""
    if table in _OWN:
        x, y = _OWN[table](return_X_y=True)
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
        return x, y, x_test, y_test
    settings = {"train": f"{table}{_ENDING}", "target": "target", "task": "classification", "test_fraction": 0.25}
    parts = data.csv(data.default_dir(), **settings, standardise=False, split_seed=seed)
    return *parts.train, *parts.test
