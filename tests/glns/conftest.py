"""The GLN tests' oracle, and their two precisions."""

import jax
import numpy as np
import pytest


@pytest.fixture(params=["float32", "float64"])
def tolerance(request):
    """Runs a test in each precision, and says what its results may differ by."""
    with jax.enable_x64(request.param == "float64"):
        yield {"float32": 1e-5, "float64": 1e-12}[request.param]


@pytest.fixture(scope="session")
def algorithm_1():
    """The oracle, as a function: see `_algorithm_1`."""
    return _algorithm_1


def _algorithm_1(layers, inputs, side, targets, rates, rule):
    """Algorithm 1 of Veness 2019 as it is printed: one example, one neuron at a time, in probabilities and float64.

    rates: [T], or [U, T] with a rate for each neuron of all layers, as they are counted from the first layer's first.
    inputs [T, D] probabilities -> the last weights [K, 2**C, F] and the unclipped predictions [T, K], each a layer.
    """
    tables = [np.array(layer.weights, np.float64) for layer in layers]
    spaces = [tuple(np.array(field, np.float64) for field in layer.gates) for layer in layers]
    predictions = [np.zeros((len(inputs), len(table))) for table in tables]
    of_neurons = np.broadcast_to(rates, (sum(map(len, tables)), len(inputs)))
    for t, below in enumerate(np.asarray(inputs, np.float64)):
        neurons = iter(of_neurons[:, t])
        for table, (normals, offsets), out in zip(tables, spaces, predictions, strict=True):
            clipped = np.clip(below, rule.epsilon, 1 - rule.epsilon)
            x = np.append(np.log(clipped / (1 - clipped)), 1.0)
            for k in range(len(table)):
                context = sum(2**i for i in range(len(offsets[k])) if normals[k, i] @ side[t] > offsets[k, i])
                p = 1 / (1 + np.exp(-table[k, context] @ x))
                p_clipped = np.clip(p, rule.epsilon, 1 - rule.epsilon)
                learns = {
                    "always": True,
                    "margin": abs(targets[t] - p) > rule.epsilon,
                    "dead_zone": rule.epsilon <= p <= 1 - rule.epsilon,
                }[rule.clip_rule]
                row = table[k, context] - learns * next(neurons) * (p_clipped - targets[t]) * x
                table[k, context] = np.clip(row, -rule.weight_bound, rule.weight_bound)
                out[t, k] = p
            below = out[t]
    return tables, predictions
