"""The contract of the frame, kept by every learner in every world."""

import inspect
from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import blur
import bootstrap
import glns
import self_play

pytestmark = pytest.mark.usefixtures("keys_once")
X = jnp.array(np.random.default_rng(0).normal(size=(20, 3, 2)), jnp.float32)
LABELS = jnp.argmax(X.reshape(20, 6), axis=-1) % 3


def fresh(key, data):
    """One sample of the Ideal World: a real one and noise."""
    k_choice, k_noise = jax.random.split(key)
    x, labels = data
    choice = jax.random.randint(k_choice, (), 0, len(labels))
    return x[choice] + jax.random.normal(k_noise, x.shape[1:]), labels[choice]


class Noisy(nn.Module):
    """A body that uses all that a body may: the key of the update, batch statistics, `train`."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(x.reshape(len(x), -1))
        return nn.Dense(3)(nn.Dropout(0.5, deterministic=not train)(x))


SEEDS = (0, 1, 2)
CLASSIFIERS = {
    "blur": bootstrap.Learner(*blur.learner(blur.backprop_genome(0.1), (4, 3), rule=blur.backprop_rule(jnp.tanh))),
    "glns": bootstrap.Learner(*glns.learner(3, (4, 1), 2)),
    "glns_categorical": bootstrap.Learner(
        *glns.learner(3, (2, 1), 1, neuron="categorical", aggregation="switching", rate_by_context=True)
    ),
    "glns_switching": bootstrap.Learner(*glns.learner(3, (4, 1), 2, aggregation="switching", rate_by_context=True)),
    "ewc": bootstrap.Learner(
        *bootstrap.ewc.learner(bootstrap.nets.MLP((4,), 3), optax.sgd(0.1), strength=1.0, consolidate_every=2)
    ),
    "sgd": bootstrap.Learner(*bootstrap.sgd.learner(Noisy(), optax.adam(0.01))),
}
CLASSIFIERS["beside"] = bootstrap.beside(CLASSIFIERS["sgd"], {"baseline": CLASSIFIERS["sgd"]})
REGRESSORS = {
    "glns_regressor": bootstrap.Learner(*glns.regressor((4, 1), 2)),
    "sgd_regressor": bootstrap.Learner(*bootstrap.regression.learner(bootstrap.nets.MLP((4,), 1), optax.adam(0.01))),
}
BANDITS = {
    "glns_bandit": bootstrap.Learner(*glns.bandit(3, (4, 1), 2)),
    "linear_bandit": bootstrap.Learner(*bootstrap.bandits.linear(3, exploration=0.1, ridge=1.0)),
}
REAL = bootstrap.real(X, LABELS, batch_size=7)
TASKS = bootstrap.World(*blur.tasks([blur.toys.FAMILIES["xor"], blur.toys.two_moon], unroll=2, batch_size=7))
EVOLUTION = bootstrap.Learner(
    *blur.evolution.learner(partial(blur.random_genome, num_states=2), (4, 2), population=4, num_held_out=1)
)
META = bootstrap.Learner(
    *blur.meta_learner(partial(blur.random_genome, num_states=2, normalise="both"), (4, 2), population=2)
)


def games(rules, num_games, num_steps):
    """Alice and Bob at a table on which an action is where the one object goes next."""
    none = self_play.goals.symmetries_of("none")
    zero, zero3, upright = jnp.zeros(2), np.zeros(3), jnp.array([[1.0, 0.0, 0.0, 0.0]])
    table = self_play.Tabletop(
        scene=self_play.scene.pucks(),
        reset=lambda key: self_play.observations.State(
            jax.random.uniform(key, (1, 3)), zero, zero, zero, zero, zero[0], jnp.zeros((1, 1), bool), jnp.ones(1, bool)
        ),
        place=None,
        step=lambda state, action: state._replace(q=state.q.at[0, :2].add(0.01 * (action - 5))),
        poses=lambda state: self_play.goals.Poses(state.q, upright),
        observe=lambda state: self_play.observations.Observation(jnp.ones(3), state.q, state.mask),
        observe_goal=lambda now, goal, mask: goal.position - now.position,
        judge=partial(self_play.goals.judge, symmetries=none, table=(2.0, 2.0), area=(zero3, zero3 + 1)),
        reached=partial(self_play.goals.reached, symmetries=none),
    )

    def init(key, data):
        return self_play.world.init_games(table, rules, 8, key, num_games)

    def draw(key, data, state, act):
        return self_play.world.play(table, rules, num_steps, act or anything, key, state, bptt_length=4)

    def anything(policy_input):
        return jnp.zeros((num_games, 2, 2, 11)), policy_input.memory

    return bootstrap.World((), init, draw)


PLAYERS = self_play.learner(embedding=4, widths=(), lstm_size=2, bptt_length=4, sample_reuse=1, num_minibatches=2)
PAIRS = {
    **{f"{name}-real": (learner, REAL) for name, learner in CLASSIFIERS.items()},
    **{
        f"{name}-ideal": (CLASSIFIERS[name], bootstrap.ideal(fresh, (X, LABELS), batch_size=7))
        for name in ("glns", "sgd")
    },
    **{
        f"{name}-real": (learner, bootstrap.real(X, X[:, 0, :1] + X[:, 1, 1:], batch_size=7))
        for name, learner in REGRESSORS.items()
    },
    **{
        f"{name}-bandit": (learner, bootstrap.bandits.world(X.reshape(20, 6), X[:, :, 0]))
        for name, learner in BANDITS.items()
    },
    "glns_density-real": (
        bootstrap.Learner(*glns.density((2, 1), num_patterns=3, pattern_bits=2, context_bits=1)),
        bootstrap.real((X > 0).astype(float), LABELS, batch_size=7),
    ),
    "blur_meta-tasks": (META, TASKS),
    "blur_evolution-tasks": (EVOLUTION, TASKS),
    "self_play-games": (
        bootstrap.Learner(*PLAYERS),
        games(self_play.game.Rules(alice_steps=2, bob_steps=3, max_goals=2), 3, 7),
    ),
    "glns-permuted": (
        CLASSIFIERS["glns"],
        bootstrap.permuted(
            X.reshape(20, 6), LABELS, jnp.array([range(6), (5, 3, 1, 0, 2, 4)]), samples_per_task=14, batch_size=7
        ),
    ),
}


@pytest.fixture(scope="module", params=PAIRS)
def pair(request):
    return PAIRS[request.param]


@pytest.fixture(scope="module")
def learner(pair):
    return pair[0]


@pytest.fixture(scope="module")
def world(pair):
    return pair[1]


@pytest.fixture(scope="module")
def first(learner, world):
    """The runs of three seeds at step 0."""
    return [bootstrap.begin(jax.random.key(seed), learner, world) for seed in SEEDS]


@pytest.fixture(scope="module")
def three_steps(learner, world):
    return compiled_advance(learner, world, 3)


def compiled_advance(learner, world, num_steps):
    """`advance` as the launcher compiles it: the world's data are an argument."""

    @jax.jit
    def program(key, data, run):
        return bootstrap.advance(key, learner, world._replace(data=data), run, num_steps)

    return program


def arguments(function):
    return list(inspect.signature(function).parameters)


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def test_a_learner_names_its_arguments(learner):
    assert arguments(learner.init) == ["key", "example"]
    assert arguments(learner.update) == ["key", "state", "batch"]
    assert arguments(learner.predict)[0] == "state"
    assert len(arguments(learner.predict)) == 2


def test_a_world_names_its_arguments(world):
    assert arguments(world.init) == ["key", "data"]
    assert arguments(world.draw) == ["key", "data", "state", "act"]


def test_states_are_named_tuples_of_arrays(first):
    for state in (first[0].learner, first[0].world):
        assert isinstance(state, tuple)
        assert state._fields
        for leaf in jax.tree.leaves(state):
            assert isinstance(leaf, jax.Array)
            assert not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def test_the_state_keeps_its_form_and_metrics_are_flat_floats(world, first, three_steps):
    run, metrics = jax.eval_shape(three_steps, jax.random.key(0), world.data, first[0])
    chex.assert_trees_all_equal_structs(run, first[0])
    chex.assert_trees_all_equal_shapes_and_dtypes(run, first[0])
    assert type(metrics) is dict
    assert metrics
    for name, metric in metrics.items():
        assert isinstance(name, str)
        assert (metric.shape, metric.dtype) == ((3,), jnp.float32), name


@pytest.mark.parametrize("learner", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_the_values_of_the_example_do_not_count(learner):
    x, labels = X[:7], LABELS[:7]
    states = [learner.init(jax.random.key(0), (scale * x, labels)) for scale in (0, 3)]
    chex.assert_trees_all_equal(*states)


@pytest.mark.parametrize("learner", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_predictions_are_log_probabilities(learner):
    run = bootstrap.begin(jax.random.key(0), learner, REAL)
    log_probabilities = learner.predict(run.learner, X)
    assert log_probabilities.shape == (20, 3)
    np.testing.assert_allclose(jnp.exp(log_probabilities).sum(-1), 1, rtol=1e-5)


def test_a_run_taken_up_again_is_the_same_run(learner, world, first, three_steps):
    """Bit for bit; and one trace serves a run of any age."""
    whole, of_whole = compiled_advance(learner, world, 6)(jax.random.key(0), world.data, first[0])
    half, of_first = three_steps(jax.random.key(0), world.data, first[0])
    num_traces = three_steps._cache_size()
    run, of_second = three_steps(jax.random.key(0), world.data, half)
    chex.assert_trees_all_equal(run, whole)
    chex.assert_trees_all_equal(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), of_first, of_second), of_whole)
    assert all(np.all(np.isfinite(metric)) for metric in of_whole.values())
    assert three_steps._cache_size() == num_traces


def test_seeds_are_a_vmap(learner, world, first, three_steps):
    alone = [three_steps(jax.random.key(seed), world.data, run) for seed, run in zip(SEEDS, first, strict=True)]
    keys = jax.vmap(jax.random.key)(jnp.array(SEEDS))
    of_seeds = jax.vmap(three_steps, in_axes=(0, None, 0))
    together = of_seeds(keys, world.data, stack(first))
    chex.assert_trees_all_close(together, stack(alone), rtol=1e-4, atol=1e-5)
    reversed_ = of_seeds(keys[::-1], world.data, stack(first[::-1]))
    chex.assert_trees_all_equal(jax.tree.map(lambda leaf: leaf[::-1], reversed_), together)
    assert any(len(np.unique(metric[:, -1])) == 3 for metric in together[1].values())
    begun = jax.eval_shape(jax.vmap(lambda key: bootstrap.begin(key, learner, world)), keys)
    chex.assert_trees_all_equal_shapes_and_dtypes(begun, stack(first))


NETS = {
    "cnn": bootstrap.nets.CNN(3, width=2, depth=2),
    "convolutional": bootstrap.nets.Convolutional(3, (2,), (2,), 4),
    "fully_connected": bootstrap.nets.FullyConnected(3, (2,), (2,), 4),
    "mlp": bootstrap.nets.MLP((4,), 3, batch_norm=True),
    "random_features": bootstrap.nets.RandomFeatures(4, 3),
    "resnet18": bootstrap.nets.ResNet18(3, width=1),
    "vit": bootstrap.nets.ViT(3, patch=2, width=4, depth=1, num_heads=2, mlp_width=4),
}
IMAGES = bootstrap.distributions.digits(np.zeros((3, 4, 4), np.uint8), np.array([0, 1, 2], np.int8), size=4)
TRACED = {
    **{name: pair for name, pair in PAIRS.items() if not name.startswith(("blur", "self_play"))},
    **{
        name: (
            bootstrap.Learner(*bootstrap.sgd.learner(net, optax.adam(0.1))),
            bootstrap.ideal(IMAGES.sampler, IMAGES.arrays, batch_size=2),
        )
        for name, net in NETS.items()
    },
    "neural_bandit": (
        bootstrap.Learner(*bootstrap.bandits.neural(bootstrap.nets.MLP((4,), 3), optax.adam(0.1), epsilon=0.1)),
        PAIRS["linear_bandit-bandit"][1],
    ),
    "deformed": (CLASSIFIERS["glns"], bootstrap.ideal(bootstrap.images.deformed, (X, LABELS), batch_size=7)),
    "paired": (
        CLASSIFIERS["glns"],
        bootstrap.paired(lambda key, index, data: (data[0][index], data[1][index]), (X, LABELS), batch_size=7),
    ),
}


@pytest.mark.parametrize("name", TRACED)
def test_numpy_arrays_and_64_bits_are_traced_as_well(name):
    """Every state keeps its dtypes, or `scan` refuses it; and a world's data may be NumPy's, closed over."""
    learner, world = TRACED[name]
    world, key = world._replace(data=jax.tree.map(np.asarray, world.data)), jax.random.key(0)
    with jax.enable_x64(True):
        run = jax.eval_shape(lambda: bootstrap.begin(key, learner, world))
        after, _ = jax.eval_shape(lambda run: bootstrap.advance(key, learner, world, run, 2), run)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, run)
