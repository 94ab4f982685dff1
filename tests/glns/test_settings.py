"""Settings outside their bounds are refused in one line that names the setting; traced ones pass."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glns
from glns import bernoulli, categorical, context, dendritic, gaussian, least_squares, pixels, settings, standardise
from glns.estimator import Classifier, Regressor

NOT_POSITIVE = (np.nan, np.inf, 0.0, -1.0, "0.1", None)
NEGATIVE = (np.nan, np.inf, -1.0)
NO_COUNT = (0, -1, 1.5, np.nan, "3", True)
NO_FLAG = ("no", None, 1)
FACTORIES = {  # a factory that has what it needs, and values that it must refuse by setting
    "learner": (
        partial(glns.learner, num_classes=3, sizes=(4, 1), num_half_spaces=2),
        {
            **dict.fromkeys(("feature_scale", "weight_bound"), NOT_POSITIVE),
            "learning_rate": (*NOT_POSITIVE, (), (0.1, 0.0), [0.1, "0.1"], [0.1, np.nan]),
            "learning_rate_decay": NOT_POSITIVE[:-1],  # None is no decay
            **dict.fromkeys(("offset_scale", "feature_epsilon"), NEGATIVE),
            "num_classes": (-1, 1.5, np.nan),
            "num_half_spaces": (-1, 1.5, np.nan, None, True),
            "sizes": (3, (), (0, 1), (1.5, 1), (np.nan, 1), ("4", 1), (True, 1)),
            **dict.fromkeys(("axis_aligned", "shared_gates", "standardised", "rate_by_context"), NO_FLAG),
            "gate": (5, (2, None, None)),
            "side": (5,),
            "epsilon": (np.nan, 0.0, 0.5, np.inf),
        },
    ),
    "regressor": (
        partial(glns.regressor, sizes=(4, 1), num_half_spaces=2),
        {
            **dict.fromkeys(("learning_rate", "learning_rate_decay", "input_variance"), NOT_POSITIVE),
            **dict.fromkeys(("weight_bound", "min_norm", "bias_scale", "bias_variance", "min_variance"), NOT_POSITIVE),
            **dict.fromkeys(("offset_scale", "feature_epsilon"), NEGATIVE),
            "target_dim": NO_COUNT,
        },
    ),
    "density": (
        partial(glns.density, sizes=(4, 1)),
        {
            **dict.fromkeys(("learning_rate", "learning_rate_decay", "spread", "weight_bound"), NOT_POSITIVE),
            "num_patterns": NO_COUNT,
            "epsilon": (np.nan, 0.0, 0.5),
        },
    ),
    "bandit": (
        partial(glns.bandit, num_arms=3, sizes=(4, 1), num_half_spaces=2),
        {
            **dict.fromkeys(("learning_rate_decay", "feature_bound", "weight_bound"), NOT_POSITIVE),
            **dict.fromkeys(("learning_rate", "exploration", "feature_epsilon", "offset_scale"), NEGATIVE),
            **dict.fromkeys(("num_arms", "tree_depth"), NO_COUNT),
            "ridge": NOT_POSITIVE[:-1],
            "logit_scale": (np.nan, np.inf),
            "reward_range": ((0.0, np.nan), (0.0, np.inf), (1.0, 0.0)),
        },
    ),
    "gate": (
        lambda num_contexts: glns.learner(3, (4, 1), gate=context.Gate(num_contexts, None, None)),
        {"num_contexts": NO_COUNT},
    ),
    "half_spaces": (partial(context.half_spaces, num_half_spaces=2), {"offset_scale": NEGATIVE}),
    "branches": (context.branches, {"num_branches": NO_COUNT}),
    "pixels": (partial(pixels.gate, num_bits=2), {"num_bits": (-1, 17, 1.5), "spread": NOT_POSITIVE}),
    "bernoulli": (
        lambda **rule: bernoulli.neuron(bernoulli.Rule(**rule)),
        {"epsilon": (np.nan, 0.0, 0.5), "weight_bound": NOT_POSITIVE},
    ),
    "categorical": (
        lambda num_symbols=3, **rule: categorical.neuron(bernoulli.Rule(**rule), num_symbols),
        {"num_symbols": (0, 1, 1.5), "epsilon": (np.nan, 0.0, 0.4), "weight_bound": NOT_POSITIVE},
    ),
    "dendritic": (dendritic.bernoulli, {"epsilon": (np.nan, 0.0, 0.5)}),
    "gaussian": (lambda **rule: gaussian.neuron(gaussian.Rule(**rule)), {"max_variance": (np.nan, np.inf)}),
    "variances": (
        lambda variance: gaussian.neuron(gaussian.Rule(max_variance=variance)),
        {"variance": (0.01, 0.05)},
    ),
    "gram": (
        partial(gaussian.neuron, gaussian.Rule(projection="non_negative")),
        {"implementation": ("gram",)},  # it takes weights of any sign
    ),
    "features": (partial(standardise.features, epsilon=0.1), {"epsilon": NEGATIVE, "scale": NOT_POSITIVE}),
    "moments": (standardise.init, {"dim": NO_COUNT}),
    "ridge": (partial(least_squares.init, 3), {"ridge": NOT_POSITIVE}),
    "classifier": (
        lambda **given: Classifier(**given).fit(np.eye(4), [0, 1, 0, 1]),
        {
            "learning_rate": NOT_POSITIVE,
            "learning_rate_decay": NOT_POSITIVE[:-1],
            **dict.fromkeys(("offset_scale", "feature_epsilon"), NEGATIVE),
            "num_passes": NO_COUNT,
            "sizes": (3, (4, 2), (0, 1)),
            "num_half_spaces": (-1, 17, 1.5),
            "shuffle": NO_FLAG,
            "class_weight": ([1, 2], {0: -1}, {0: np.nan}, {0: np.inf}, {0: "1"}, {0: 1e31}),
        },
    ),
    "estimated regressor": (
        lambda **given: Regressor(**given).fit(np.eye(4), np.arange(4.0)),
        {"learning_rate": NOT_POSITIVE, "offset_scale": NEGATIVE, "num_passes": NO_COUNT},
    ),
}


@pytest.mark.parametrize("factory", FACTORIES)
def test_settings_outside_their_bounds_are_refused(factory):
    build, wrong = FACTORIES[factory]
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=rf"{name}.* must ") as refusal:
                build(**{name: value})
            assert "\n" not in str(refusal.value)


def test_a_traced_rate_passes():
    def loss(rate):
        init, update, _ = glns.learner(3, (2, 1), 1, learning_rate=rate, offset_scale=rate, feature_scale=rate)
        batch = jnp.ones((4, 2)), jnp.zeros(4, int)
        return update(None, init(jax.random.key(0), batch), batch)[1]["loss"]

    assert jax.eval_shape(jax.vmap(loss), jnp.array([0.1, 0.2])).shape == (2,)


@pytest.mark.parametrize("number", [0.1, np.float32(0.1), np.array(0.1), jnp.float32(0.1)])
def test_numbers_of_any_library_pass_eagerly_and_inside_a_trace(number):
    settings.check_positive(number=number)
    jax.eval_shape(lambda: settings.check_positive(number=number))


def test_labels_by_hand():
    np.testing.assert_array_equal(settings.labels_below(3, labels=[2, 0]), [2, 0])
    np.testing.assert_array_equal(settings.labels_below(300, labels=np.array([-0, 127], np.int8)), [0, 127])
    traced = jax.jit(partial(settings.labels_below, 3))(labels=jnp.array([-1, 0, 2, 3]))
    np.testing.assert_array_equal(traced, [3, 0, 2, 3])
    with pytest.raises(ValueError, match=re.escape("arms must be 0 to 2, got -1, 7")):
        settings.labels_below(3, arms=[7, 1, -1, 7])
