"""Online classifiers on streams, test then train: a GLN with one setting, beside river's models.

Every model predicts a row before it learns it. The GLN goes through the stream in chunks, row by row inside them: that
changes its speed and nothing else. It is measured by its interfaces too: `estimator_chunks` predicts 32 rows, then
learns them, so up to 31 labels later than the others; `estimator_rows` takes a dict at a time. Speed is rows a
CPU-second (all threads, without compiling), memory that of the model after the last row. Letters: N classes, n rows.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import glns
from experiments import data
from experiments.configs.glns_streams import STREAMS
from glns.estimator import Classifier
from glns.river import Classifier as OneByOne
from launch.suites import prequential

_CHUNK = 128  # rows of a GLN's call
_OF_ESTIMATOR = 32  # rows of a call of its estimator
_OURS = ("gln", "estimator_chunks", "estimator_rows")  # what needs no river


def names() -> list[str]:
    """The lines of the table: streams/STREAM/MODEL."""
    return [f"streams/{stream}/{model}" for stream in STREAMS for model in MODELS]


def possible(chosen: list[str]) -> tuple[list[str], list[str]]:
    """Which of the chosen lines can be measured here, and one sentence for each thing that others lack."""
    lacks = {}
    if importlib.util.find_spec("river") is None:
        lacks["river: pip install 'river>=0.26'"] = [name for name in chosen if name.split("/")[2] not in _OURS]
    folder = data.default_dir()
    if not folder or not Path(folder, "elec.csv").is_file():
        lacks["elec.csv: COLLAGE_DATA=DIR names its folder"] = [n for n in chosen if n.split("/")[1] == "electricity"]
    reasons = [f"{len(names)} lines are left out, for want of {what}" for what, names in lacks.items() if names]
    return [name for name in chosen if not any(name in names for names in lacks.values())], reasons


def lines(chosen: list[str]) -> Iterator[dict[str, Any]]:
    """Measures the chosen lines, all of which must be `possible`."""
    for stream, (settings, _, num_classes) in STREAMS.items():
        of_stream = [name for name in chosen if name.split("/")[1] == stream]
        if not of_stream:
            continue
        make = getattr(data, settings["name"])
        x, y = make(data.default_dir(), **{key: value for key, value in settings.items() if key != "name"}).train
        for name in of_stream:
            yield {"name": name, **measure(MODELS[name.split("/")[2]], x, y, num_classes)}


def measure(model: Callable, x: np.ndarray, y: np.ndarray, num_classes: int) -> dict[str, float]:
    """A line: the scores of a model on a stream x [n, D], y [n], its rows a CPU-second and its memory in MB."""
    probabilities, seconds, num_bytes = model(x, y, num_classes)
    speed = {"rows_per_cpu_second": len(y) / seconds, "megabytes": num_bytes / 1e6}
    return prequential.scores(probabilities, y) | speed


def gln(x: np.ndarray, y: np.ndarray, num_classes: int) -> tuple[np.ndarray, float, int]:
    """`glns.ROBUST` -> probabilities [n, N], CPU-seconds, bytes."""
    init, update = glns.classification.prequential(num_classes, **glns.ROBUST)
    state = jax.jit(init)(jax.random.key(0), (x[:1], y[:1]))
    cut = len(y) // _CHUNK * _CHUNK
    chunks = x[:cut].reshape(-1, _CHUNK, *x.shape[1:]), y[:cut].reshape(-1, _CHUNK)
    learn = jax.jit(lambda state, chunks: jax.lax.scan(partial(update, None), state, chunks))
    whole = learn.lower(state, chunks).compile()
    rest = jax.jit(update).lower(None, state, (x[cut:], y[cut:])).compile() if cut < len(y) else None
    start = time.process_time()
    state, outputs = whole(state, chunks)
    parts = [np.asarray(outputs).reshape(cut, num_classes)]
    if rest:
        state, outputs = rest(None, state, (x[cut:], y[cut:]))
        parts.append(np.asarray(outputs))
    seconds = time.process_time() - start
    return np.exp(np.concatenate(parts)), seconds, _bytes(state)


def estimator_chunks(x: np.ndarray, y: np.ndarray, num_classes: int) -> tuple[np.ndarray, float, int]:
    """`glns.estimator.Classifier`, predict_proba then partial_fit -> probabilities [n, N], CPU-seconds, bytes."""
    labels, starts = np.arange(num_classes), range(0, len(y), _OF_ESTIMATOR)

    def learned(starts):
        model = Classifier(random_state=0)
        probabilities = [np.full((len(y[:_OF_ESTIMATOR]), num_classes), 1 / num_classes)]
        for start in starts:
            chunk = slice(start, start + _OF_ESTIMATOR)
            if start:
                probabilities.append(model.predict_proba(x[chunk]))
            model.partial_fit(x[chunk], y[chunk], classes=labels)
        return model, np.concatenate(probabilities)

    learned([*starts[:3], starts[-1]])  # compiles
    start = time.process_time()
    model, probabilities = learned(starts)
    return probabilities, time.process_time() - start, _bytes(model.state_)


def _one_by_one(model: Any, x: np.ndarray, y: np.ndarray, num_classes: int) -> np.ndarray:
    """What a model with river's interface predicts of a stream as it learns it: probabilities [n, N]."""
    rows, probabilities = x.tolist(), np.full((len(y), num_classes), 1 / num_classes)
    labels = [bool(label) if num_classes == 2 else int(label) for label in y]
    for t, (row, label) in enumerate(zip(rows, labels, strict=True)):
        features = dict(enumerate(row))
        if given := model.predict_proba_one(features):
            probabilities[t] = [given.get(k, 0.0) for k in range(num_classes)]
        model.learn_one(features, label)
    return probabilities


def estimator_rows(x: np.ndarray, y: np.ndarray, num_classes: int) -> tuple[np.ndarray, float, int]:
    """`glns.river.Classifier` -> probabilities [n, N], CPU-seconds, bytes."""
    firsts = np.sort(np.unique(y, return_index=True)[1])  # labels come up in the stream's order
    repeated = np.repeat(firsts, 2)
    _one_by_one(OneByOne(seed=0), x[repeated], y[repeated], num_classes)  # compiles
    model, start = OneByOne(seed=0), time.process_time()
    probabilities = _one_by_one(model, x, y, num_classes)
    return probabilities, time.process_time() - start, _bytes(model._estimator.state_)


def _bytes(state: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state))


def _river(build: Callable, x: np.ndarray, y: np.ndarray, num_classes: int) -> tuple[np.ndarray, float, int]:
    """One of river's models -> probabilities [n, N], CPU-seconds, bytes."""
    model, start = build(num_classes), time.process_time()
    probabilities = _one_by_one(model, x, y, num_classes)
    return probabilities, time.process_time() - start, model._raw_memory_usage


def _model(path: str, settings: dict[str, Any], num_classes: int) -> Any:
    """A model by its place in river, which is optional."""
    del num_classes
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(f"river.{module}"), name)(**settings)


def _logistic(num_classes: int) -> Any:
    kind = "LogisticRegression" if num_classes == 2 else "SoftmaxRegression"
    return _model("preprocessing.StandardScaler", {}, num_classes) | _model(f"linear_model.{kind}", {}, num_classes)


MODELS: dict[str, Callable] = {
    "gln": gln,
    "estimator_chunks": estimator_chunks,
    "estimator_rows": estimator_rows,
    "adaptive_random_forest": partial(_river, partial(_model, "forest.ARFClassifier", {"n_models": 10, "seed": 0})),
    "mondrian_forest": partial(_river, partial(_model, "forest.AMFClassifier", {"n_estimators": 10, "seed": 0})),
    "hoeffding_adaptive_tree": partial(_river, partial(_model, "tree.HoeffdingAdaptiveTreeClassifier", {"seed": 0})),
    "logistic_regression": partial(_river, _logistic),
}
