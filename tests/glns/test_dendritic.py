"""The dendritic neuron: by hand, example by example in NumPy, and the numbers that its authors' notebook prints."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from glns import context, dendritic, network

T, D, SIZES, BRANCHES, EPSILON = 448, 5, (4, 3, 1), 6, 0.1
GATE = context.branches(BRANCHES)
FLOAT64 = pytest.mark.parametrize("tolerance", ["float64"], indirect=True)
EACH = pytest.mark.parametrize(
    ("neuron", "loss"), [(partial(dendritic.bernoulli, EPSILON), "bernoulli"), (dendritic.regression, "square")]
)


@partial(jax.jit, static_argnames="neuron")
def learn(layers, *stream, neuron):
    return network.learn(layers, *stream, neuron=neuron, gate=GATE)


def draw_layers():
    """No two neurons agree."""
    rng, layers = np.random.default_rng(0), []
    for size, width in zip(SIZES, (D, *SIZES), strict=False):
        normals, offsets = rng.normal(size=(size, BRANCHES, D)), 0.5 * rng.normal(size=(size, BRANCHES))
        weights = jnp.array(rng.uniform(-0.2, 0.3, size=(size, BRANCHES, width + 1)))
        layers.append(network.Layer(weights, context.HalfSpaces(jnp.array(normals), jnp.array(offsets))))
    return tuple(layers)


def draw_stream(loss):
    """Inputs [T, D] that are the side information too, and for logits lie partly beyond the clip."""
    rng = np.random.default_rng(1)
    inputs = 1.5 * rng.normal(size=(T, D))
    targets = np.where(inputs[:, 0] > 0, inputs[:, 1], -inputs[:, 2]) + 0.3 * rng.normal(size=T)
    targets = targets > 0 if loss == "bernoulli" else targets
    return [np.array(jnp.array(array)) for array in (inputs, inputs, 1.0 * targets, 0.03 / np.sqrt(1 + np.arange(T)))]


def notebook(tables, normals, offsets, inputs, targets, rates, loss, epsilon=0.01):
    """The oracle: an example, a neuron, a branch at a time, in float64. Moves the tables [K, R, F], a list of layers.

    -> each layer's outputs [T, K], logits or reals.
    """
    outputs = [np.zeros((len(inputs), len(table))) for table in tables]
    bound = np.log((1 - epsilon) / epsilon)
    for t, side in enumerate(inputs):
        below = side
        for table, normal, offset, out in zip(tables, normals, offsets, outputs, strict=True):
            x = np.append(1.0, np.clip(below, -bound, bound) if loss == "bernoulli" else below)
            for k in range(len(table)):
                gates = normal[k] @ side > offset[k]
                r = x @ table[k][gates].sum(0)
                error = r - targets[t]
                if loss == "bernoulli":
                    p = 1 / (1 + np.exp(-r))
                    error = np.clip(p, epsilon, 1 - epsilon) - targets[t] if abs(targets[t] - p) > epsilon else 0
                table[k][gates] -= rates[t] * error * x
                out[t, k] = r
            below = out[t]
    return outputs


@EACH
@pytest.mark.parametrize(
    ("tolerance", "implementation", "size"),
    [
        *(("float64", implementation, size) for implementation in dendritic.IMPLEMENTATIONS for size in (1, 7, 64, T)),
        *(("float32", implementation, T) for implementation in dendritic.IMPLEMENTATIONS),
    ],
    indirect=["tolerance"],
)
def test_learning_is_the_notebooks(tolerance, neuron, loss, implementation, size):
    layers, stream, parts = draw_layers(), draw_stream(loss), []
    tables = [np.array(layer.weights, np.float64) for layer in layers]
    spaces = [[np.array(layer.gates[i], np.float64) for layer in layers] for i in (0, 1)]
    outputs = notebook(tables, *spaces, *(array.astype(float) for array in stream[1:]), loss, EPSILON)
    neuron = neuron(implementation)
    for part in zip(*(np.split(array, T // size) for array in stream), strict=True):
        layers, of_part = learn(layers, *part, neuron=neuron)
        parts.append(of_part)
    for layer, table in zip(layers, tables, strict=True):
        np.testing.assert_allclose(layer.weights, table, rtol=0, atol=tolerance)
    for ours, theirs in zip(zip(*parts, strict=True), outputs, strict=True):
        np.testing.assert_allclose(np.concatenate(ours), theirs, rtol=0, atol=10 * tolerance)


@EACH
def test_prediction_is_that_of_learning_at_rate_zero(neuron, loss):
    layers, (inputs, side, targets, _) = draw_layers(), draw_stream(loss)
    learned, outputs = learn(layers, inputs, side, targets, np.zeros_like(targets), neuron=neuron())
    predicted = network.predict(layers, inputs, side, neuron=neuron(), gate=GATE)
    chex.assert_trees_all_close(predicted, outputs, atol=1e-5)
    chex.assert_trees_all_equal(learned, layers)


WEIGHTS = jnp.array([[1.0, 2.0], [10.0, 20.0], [0.5, -0.5]])  # three branches


def test_open_branches_add():
    # The first and the last: (1.5, 1.5) . (2, 4) = 9.
    assert dendritic.predict(WEIGHTS, jnp.array([1.0, 0.0, 1.0]), jnp.array([2.0, 4.0])) == pytest.approx(9)


@pytest.mark.parametrize("dtype", [jnp.float32, bool])
@pytest.mark.parametrize("implementation", dendritic.IMPLEMENTATIONS)
def test_update_by_hand(implementation, dtype):
    # Output 9, target 10, rate 0.1: the open branches gain 0.1 * (2, 4), so the next output is 9 + 2 * 0.1 * 20 = 13.
    stream = jnp.array([[1, 0, 1]] * 2, dtype), jnp.array([[2.0, 4.0]] * 2), jnp.array([10.0, 0.0]), jnp.array([0.1, 0])
    weights, outputs = dendritic.regression(implementation).learn(WEIGHTS, *stream)
    np.testing.assert_allclose(outputs, [9, 13], rtol=1e-6)
    np.testing.assert_allclose(weights, [[1.2, 2.4], [10, 20], [0.7, -0.1]], rtol=1e-6)


def test_a_branch_is_open_strictly_inside_its_half_space():
    spaces = context.HalfSpaces(jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), jnp.array([0.5, 2.0, -7.0]))
    np.testing.assert_array_equal(context.branch_gates(spaces, jnp.array([1.0, 2.0])), [1, 0, 1])


def test_the_normals_of_a_neuron_have_unit_length_together():
    spaces = jax.vmap(partial(context.branches(6).init, side_dim=5))(jax.random.split(jax.random.key(0), 1000))
    np.testing.assert_allclose(jnp.linalg.norm(spaces.normals.reshape(1000, -1), axis=-1), 1, rtol=1e-5)
    # An offset is N(0, 1) over the norm of 30 such numbers, so of std near 1 / sqrt(30 - 2).
    np.testing.assert_allclose([spaces.offsets.mean(), spaces.offsets.std() * np.sqrt(28)], [0, 1], atol=0.03)


def test_no_branch_is_refused():
    with pytest.raises(ValueError, match="num_branches must be at least 1, got 0"):
        context.branches(0)


def test_first_weights_are_zero_and_the_bias_comes_first():
    neuron = dendritic.bernoulli()
    np.testing.assert_array_equal(neuron.init(3, 2), np.zeros((3, 3)))
    np.testing.assert_allclose(neuron.prepare_inputs(jnp.array([2.0, -9.0])), [1, 2, -np.log(99)], rtol=1e-6)
    np.testing.assert_allclose(dendritic.regression().prepare_inputs(jnp.array([2.0, -9.0])), [1, 2, -9])


def test_another_implementation_is_refused():
    with pytest.raises(ValueError, match="implementation must be one of scan, gram; got 'dense'"):
        dendritic.regression("dense")


def load(data):
    """The notebook's split and scales. -> inputs and targets to learn from, and to test on."""
    x, y = data(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(x)
    if data is load_diabetes:
        mean, std = y.mean(), y.std()
        y, y_test = (y - mean) / std, (y_test - mean) / std
    return scaler.transform(x), y, scaler.transform(x_test), y_test


def draw_as_the_notebook(side_dim):
    """(100, 10, 1) neurons at weight 0 with the notebook's own hyperplanes, whose first column is the bias."""
    random, layers = np.random.RandomState(12345), []
    planes = [random.normal(0, 1, size=(size, 20, side_dim + 1)) for size in (100, 10, 1)]
    for h, width in zip(planes, (side_dim, 100, 10), strict=True):
        h /= np.linalg.norm(h[..., :-1], axis=(1, 2))[:, None, None]
        spaces = context.HalfSpaces(jnp.array(h[..., 1:]), jnp.array(-h[..., 0]))
        layers.append(network.Layer(jnp.zeros((len(h), 20, width + 1)), spaces))
    return tuple(layers)


def train_as_the_notebook(neuron, data, rate, num_epochs):
    """The notebook's network of our neurons. -> the layers, and the last neuron's outputs on the test part, by epoch.

    Its code adds up the branches of all the neurons of a layer, where its text has each neuron's own. So here every
    neuron predicts and learns with the sum of the layer's tables, and its own table moves by what the sum would.
    """
    x, y, x_test, y_test = (jnp.array(array, jnp.float64) for array in data)

    def step(rate, layers, example):
        side, y = example
        learned, outputs = [], side
        for weights, gates in layers:
            total = weights.sum(0)
            stream = neuron.prepare_inputs(outputs)[None], y[None], jnp.array([rate])
            of_time = jax.vmap(GATE.context, in_axes=(0, None))(gates, side)[:, None]
            moved, outputs = jax.vmap(lambda g, total=total, stream=stream: neuron.learn(total, g, *stream))(of_time)
            learned.append(network.Layer(weights + moved - total[None], gates))
            outputs = outputs[:, 0]
        return tuple(learned), outputs[0]

    layers = draw_as_the_notebook(x.shape[-1])
    train, test = (jax.jit(partial(jax.lax.scan, partial(step, rate))) for rate in (rate, 0.0))
    outputs = [test(layers, (x_test, y_test))[1]]
    for _ in range(num_epochs):
        layers, _ = train(layers, (x, y))
        outputs.append(test(layers, (x_test, y_test))[1])
    return layers, outputs


@FLOAT64
def test_reference_regression(reference, tolerance):
    """Every number of the public notebook on diabetes: what it prints, and its last weights."""
    case, data = reference("glns", "dgn_regr/"), load(load_diabetes)
    layers, outputs = train_as_the_notebook(dendritic.regression(), data, 1e-5, 10)
    losses = [np.mean((data[3] - output) ** 2) / 2 for output in outputs]
    printed = [float(line.split("loss: ")[1].split(" ")[0]) for line in str(case["stdout"]).splitlines()[2:]]
    np.testing.assert_allclose(losses, printed, rtol=0, atol=0.0005)
    np.testing.assert_allclose(outputs[-1], case["test_pred"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(losses[-1], case["test_loss"], rtol=0, atol=tolerance)
    for i, layer in enumerate(layers):
        np.testing.assert_allclose(layer.weights.sum(), case[f"W{i}_final_sum"], rtol=0, atol=tolerance)
        np.testing.assert_allclose(jnp.abs(layer.weights).max(), case[f"W{i}_final_absmax"], rtol=0, atol=tolerance)
        np.testing.assert_allclose(layer.weights[:, 0], case[f"W{i}_final_branch0"], rtol=1e-6, atol=1e-9)  # float32


@FLOAT64
def test_published_classification(tolerance):
    """What the public notebook prints on breast cancer."""
    data = load(load_breast_cancer)
    _, outputs = train_as_the_notebook(dendritic.bernoulli(), data, 1e-4, 3)
    p = [np.clip(jax.nn.sigmoid(output), 0.01, 0.99) for output in outputs]
    losses = [-np.mean(np.log(np.where(data[3], p, 1 - p))) for p in p]
    np.testing.assert_allclose(losses, [0.693, 0.099, 0.095, 0.099], rtol=0, atol=0.0005)
    accuracies = [np.mean(np.round(p) == data[3]) for p in p]
    np.testing.assert_allclose(accuracies, [0.412, 0.974, 0.974, 0.974], rtol=0, atol=0.0005)


@pytest.mark.parametrize("source", [load_diabetes, load_breast_cancer])
def test_learns(source):
    """Three (20, 5, 1) networks with branches of their own, three passes; loss 0.30, accuracy 0.94 when written."""
    data = [jnp.array(array, jnp.float32) for array in load(source)]
    if source is load_diabetes:
        neuron, rate = dendritic.regression("scan"), 1e-3
    else:
        neuron, rate = dendritic.bernoulli(implementation="scan"), 3e-3

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def three_passes(key, data):
        x, y, x_test, y_test = data
        rates, dim = jnp.full(len(y), rate), x.shape[-1]
        layers = network.init(key, (20, 5, 1), dim, dim, neuron=neuron, gate=GATE)

        def one_pass(layers, _):
            return network.learn(layers, x, x, y, rates, neuron=neuron, gate=GATE)[0], None

        layers, _ = jax.lax.scan(one_pass, layers, length=3)
        output = network.predict(layers, x_test, x_test, neuron=neuron, gate=GATE)[-1][:, 0]
        return jnp.mean((output - y_test) ** 2) / 2, jnp.mean((output > 0) == y_test)

    losses, accuracies = three_passes(jax.random.split(jax.random.key(0), 3), data)
    if source is load_diabetes:
        assert np.mean(losses) < 0.33  # 0.42 is that of the mean
    else:
        assert np.mean(accuracies) > 0.92
