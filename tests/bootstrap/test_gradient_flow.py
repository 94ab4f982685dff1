"""Gradient flow: against its own differential equation, against draws from its law, and against descent."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate

import bootstrap
from bootstrap import distributions, gradient_flow, nets, regression

LAW = distributions.linear(num_inputs=4, decay=1.0, noise=0.5)
PROJECTIONS = jnp.array(np.random.default_rng(0).normal(size=(4, 6)), jnp.float32)


def samples(n):
    return jax.vmap(LAW.sampler, in_axes=(0, None))(jax.random.split(jax.random.key(1), n), LAW.arrays)


def features_of(kind, x):
    return gradient_flow.features(x, PROJECTIONS if kind == "relu" else None)


@pytest.fixture(scope="module", params=["linear", "relu"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def whole(kind):
    return gradient_flow.of_law(LAW.arrays, PROJECTIONS if kind == "relu" else None)


def test_the_moments_of_the_law_are_those_of_many_samples(kind, whole):
    x, y = samples(200_000)
    drawn = gradient_flow.of_samples(features_of(kind, x), y, jnp.ones(len(y)))
    for known, found in zip(whole, drawn, strict=True):
        np.testing.assert_allclose(found, known, atol=0.015)  # 5 standard errors of the widest
    np.testing.assert_allclose(whole.targets, 1.25, rtol=1e-5)


def test_the_flow_is_the_solution_of_its_equation(whole):
    moments = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), whole)

    def slope(_, w):
        return moments.cross[:, 0] - moments.features @ w

    solved = scipy.integrate.solve_ivp(slope, (0, 7), np.zeros(len(moments.features)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(gradient_flow.flow(whole, 7.0)[:, 0], solved.y[:, -1], atol=1e-4)


def test_the_flow_of_fewer_samples_than_features_stays_finite():
    x, y = samples(3)
    moments = gradient_flow.of_samples(gradient_flow.features(x), y, jnp.ones(3))
    weights = gradient_flow.flow(moments, 1e6)
    np.testing.assert_allclose(gradient_flow.risk(weights, moments), 0, atol=1e-3)
    assert np.abs(weights).max() < 100


def test_the_risk_is_the_mean_squared_error(kind):
    x, y = samples(50)
    features, weights = features_of(kind, x), jnp.arange(50.0) % 3
    w = jnp.array(np.random.default_rng(0).normal(size=(features.shape[1], 1)), jnp.float32)
    expected = np.average(((y - features @ w) ** 2)[:, 0], weights=weights)
    moments = gradient_flow.of_samples(features, y, weights)
    np.testing.assert_allclose(gradient_flow.risk(w, moments), expected, rtol=1e-4)


def test_descent_follows_the_flow_and_its_gap_the_theory(kind, whole):
    """Full batches in the real world of 40 samples; in the ideal world 40 fresh ones a step, which 32 seeds average."""
    n, rate, steps, num_seeds = 40, 0.01, 300, 32
    net = nets.Linear(1) if kind == "linear" else nets.RandomFeatures(6, 1)
    learner = bootstrap.Learner(*regression.learner(net, optax.sgd(rate), loss="squared_error"))

    def sample(key, index, law):
        return LAW.sampler(jax.random.fold_in(key, index), law)

    def start(key, world):
        run = bootstrap.begin(key, learner, world)
        frozen = {"frozen": {"weights": PROJECTIONS}} if kind == "relu" else {}
        return run._replace(learner=run.learner._replace(collections=frozen))

    @jax.jit
    def excess(seed, num_samples):
        """Of one world: its risk by descent, and that by the flow on its first n samples and on the law."""
        key, world = jax.random.key(seed), bootstrap.paired(sample, LAW.arrays, batch_size=n, num_samples=num_samples)
        begun = start(key, world)
        run, _ = bootstrap.advance(key, learner, world, begun, steps)
        dense = run.learner.params["net"]["Dense_0"]
        weights = jnp.concatenate([dense["kernel"], dense["bias"][None]])
        x, y, _ = world.first_samples(world.data, begun.world, n)
        moments = gradient_flow.of_samples(features_of(kind, x), y, jnp.ones(n))
        return tuple(
            gradient_flow.risk(w, whole)
            for w in (weights, gradient_flow.flow(moments, rate * steps), gradient_flow.flow(whole, rate * steps))
        )

    seeds = jnp.arange(num_seeds)
    of_worlds = jax.vmap(jax.vmap(excess, in_axes=(0, None)), in_axes=(None, 0))
    (real, ideal), (real_flow, _), (ideal_flow, _) = of_worlds(seeds, jnp.array([n, bootstrap.UNLIMITED], jnp.uint32))
    np.testing.assert_allclose(real, real_flow, rtol=0.01)  # each seed: descent at a small rate
    gap, theory = (real - ideal).mean(), (real_flow - ideal_flow).mean()
    assert theory > 0.05
    np.testing.assert_allclose(gap, theory, rtol=0.1)


def test_targets_without_a_column_are_refused():
    with pytest.raises(ValueError, match=r"targets must be of shape \[3, 3\], got \[3\]"):
        gradient_flow.of_samples(jnp.ones((3, 2)), jnp.ones(3), jnp.ones(3))
