"""A config becomes a plan; what it could not do at its end, and data that nothing can learn from, are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bootstrap
import experiments
from experiments import evaluation, outputs, registry
from experiments.data import Data, Part

NUM_CLASSES = 3


def linear(learning_rate, num_classes=NUM_CLASSES):
    net = {"name": "mlp", "features": (), "num_classes": num_classes}
    return {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": learning_rate}}


def config(**changes):
    return {
        "num_steps": 8,
        "log_every": 4,
        "eval_every": 4,
        "num_seeds": 2,
        "data": {"name": "small"},
        "world": {"name": "real", "batch_size": 4},
        "evals": ("classification",),
        "learner": linear(0.1),
        "baselines": {"slow": linear(0.01), "fast": linear(1.0)},
        **changes,
    }


def small():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5)).astype(np.float32)
    y = x[:, :NUM_CLASSES].argmax(-1).astype(np.int32)
    return Data(Part(x[:12], y[:12]), Part(x[12:], y[12:]))


@pytest.fixture
def data(monkeypatch):
    """Makes `small` the data set of the config: -> a function that gives it a part's other arrays."""

    def give(part="train", **arrays):
        changed = small()
        changed = changed._replace(**{part: getattr(changed, part)._replace(**arrays)})
        monkeypatch.setitem(registry.KINDS["data"].names, "small", lambda data_dir: changed)

    give()
    return give


@pytest.mark.usefixtures("data")
def test_baselines_are_measured_under_their_names():
    plan = experiments.plan(config())
    experiment = plan.stages[0].experiment({})
    key = jax.random.key(0)
    run = jax.jit(lambda: bootstrap.begin(key, experiment.learner, experiment.world))()
    advance = jax.jit(lambda run: bootstrap.advance(key, experiment.learner, experiment.world, run, 5))
    run, trained = advance(run)
    seen = jax.jit(lambda run: evaluation.measure(plan.evals, experiment.views(run, experiment.world.data, plan.test)))
    measured = seen(run)
    names = {"test_error", "test_soft_error", "test_loss", "test_calibration_error"}
    assert measured.keys() == {f"{whose}{name}" for whose in ("", "slow/", "fast/") for name in names}
    assert {"loss", "slow/loss", "fast/loss"} <= trained.keys()
    x, y = small().test
    for name, state in {"": run.learner.learner, **run.learner.baselines}.items():
        layer = state.params["Dense_0"]
        logits = x @ np.array(layer["kernel"]) + np.array(layer["bias"])
        loss = np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(y)), y]
        np.testing.assert_allclose(measured[f"{name}/test_loss".lstrip("/")], loss.mean(), rtol=1e-5)


@pytest.mark.usefixtures("data")
def test_a_baseline_that_there_is_not_is_named():
    with pytest.raises(ValueError, match=r"no baselines\.odd named 'nope'; there are .*glns"):
        experiments.plan(config(baselines={"odd": {"name": "nope"}}))


@pytest.mark.usefixtures("data")
def test_a_baseline_with_too_few_classes_is_named():
    with pytest.raises(ValueError, match=r"labels 0 to 2 but baselines\.few num_classes=2"):
        experiments.plan(config(baselines={"few": linear(0.1, num_classes=2)}))


X, Y = np.zeros((4, 5), np.float32), np.zeros(4, np.int32)


@pytest.mark.parametrize(
    ("part", "arrays", "message"),
    [
        ("train", {"x": X[:0], "y": Y[:0]}, r"the train part of the data: x and y .*at least one, got 0 and 0"),
        ("test", {"x": X[:0], "y": Y[:0]}, r"the test part of the data: x and y .*at least one, got 0 and 0"),
        ("train", {"x": X}, r"the train part of the data: x and y .*at least one, got 4 and 12"),
        ("test", {"x": np.float32(3), "y": Y}, r"the test part .* x must be an array .*, got a float32"),
        ("train", {"x": X.astype(">f4"), "y": Y}, r"the train part .* x is in the byte order of another machine, >f4"),
        (
            "train",
            {"x": X + np.array([0, np.nan, 0, np.inf, 0], np.float32), "y": Y},
            "the train part of the data has NaN or infinite x in 4 of 4 samples",
        ),
        (
            "test",
            {"x": X, "y": np.float32([0, np.nan, 0, 0])},
            "the test part of the data has NaN or infinite y in 1 of 4 samples",
        ),
        ("test", {"x": X[:, :4], "y": Y}, r"train inputs have shape \(5,\) but test inputs \(4,\)"),
        ("train", {"x": X, "y": Y - 1}, "the train part of the data: a label must be at least 0, got -1"),
        ("test", {"x": X, "y": Y + 3}, "labels 0 to 3 but learner num_classes=3"),
    ],
)
def test_data_that_nothing_can_learn_from_are_refused(data, part, arrays, message):
    data(part, **arrays)
    with pytest.raises(ValueError, match=message):
        experiments.plan(config())


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("artifact", "message"),
    [
        ("nope", r"no artifacts\.nope named 'nope'; there are .*genome"),
        ("genome", "this learner's state holds no genome"),
        ("payoff", "payoff.json is of past versions: set learner"),
    ],
)
def test_artifacts_that_a_run_could_not_leave_are_refused(artifact, message):
    settings = config(artifacts=(artifact,), seed=0, baselines={})
    plan = experiments.plan({**settings, "artifacts": ()})
    learner, world, _ = plan.stages[0].experiment({})
    shapes = jax.eval_shape(lambda: bootstrap.begin(jax.random.key(0), learner, world))
    with pytest.raises(ValueError, match=message):
        outputs.artifacts(settings, plan, shapes, "a command")


@pytest.mark.usefixtures("data")
def test_members_are_measured_together():
    """A learner and itself agree on everything; a learner and one at a rate of 0 do not."""
    still = linear(0.0)
    measured = {"same": {"name": "agreement", "members": ("", "")}, "classification": {}}
    plan = experiments.plan(config(baselines={"still": still}, evals=measured))
    apart = experiments.plan(config(baselines={"still": still}, evals={"agreement": {"members": ("", "still")}}))
    learner, world, views = plan.stages[0].experiment({})

    @jax.jit
    def both():
        key = jax.random.key(0)
        run, _ = bootstrap.advance(key, learner, world, bootstrap.begin(key, learner, world), 20)
        of_cell = {"": views(run, world.data, plan.test)}
        return evaluation.measure_together(plan.evals, of_cell), evaluation.measure_together(apart.evals, of_cell)

    same, other = both()
    assert same.keys() == other.keys() == {"agreement", "kl", "weight_distance"}
    assert (same["agreement"], same["weight_distance"]) == (1, 0)
    np.testing.assert_allclose(same["kl"], 0, atol=1e-6)
    assert other["agreement"] < 1
    assert other["kl"] > 0.01
    assert other["weight_distance"] > 0.1


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("evals", "message"),
    [
        (
            {"agreement": {"members": ("", "nope")}},
            r"evals\.agreement\.members: no 'nope'; there are '', 'slow', 'fast'",
        ),
        ({"agreement": {"members": ("",)}}, r"evals\.agreement takes one, other, but has the views of 1 members"),
        ({"agreement": {}}, r"evals\.agreement takes one, other, but has the views of 1 members; name as many in"),
    ],
)
def test_members_that_there_are_not_are_refused(evals, message):
    with pytest.raises(ValueError, match=message):
        experiments.plan(config(evals=evals))


@pytest.mark.usefixtures("data")
def test_two_evals_of_one_name_are_refused():
    plan = experiments.plan(config(evals={"classification": {}, "again": {"name": "classification"}}, baselines={}))
    learner, world, views = plan.stages[0].experiment({})
    run = bootstrap.begin(jax.random.key(0), learner, world)
    with pytest.raises(ValueError, match="evals: two of them measure test_calibration_error, test_error"):
        evaluation.measure(plan.evals, views(run, world.data, plan.test))


NOTHING = (lambda *_: None,) * 3


def updating(update, predict=lambda x: jnp.zeros((len(x), 3))):
    """A learner whose state is a number. update: state -> (state, metrics)."""
    return lambda: (
        lambda key, example: jnp.zeros(()),
        lambda key, state, batch: update(state),
        lambda state, x: predict(x),
    )


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("kind", "function", "message"),
    [
        ("learner", lambda: NOTHING[:2], r"learner: its function must return \(init, update, predict\); got tuple"),
        ("learner", lambda: None, r"learner: its function must return \(init, update, predict\); got NoneType"),
        ("learner", lambda: {}["key"], "learner 'own' failed: KeyError: 'key'"),
        ("world", lambda data: NOTHING[:1], r"world: its function must return \(data, init, draw\); got tuple"),
        ("data", lambda data_dir: [1, 2, 3], r"a data set is experiments\.data\.Data"),
        (
            "data",
            lambda data_dir: ((["a"], [1]), (["b"], [0])),
            "the train part of the data: x must be real numbers, got <U1",
        ),
        ("evals", lambda view: [1.0], r"evals\.own: metrics are \{name: number\}; got list"),
        ("evals", lambda view: {"a": view.test[1]}, r"evals\.own: a is int32 of shape \(8,\); a metric is one real"),
        ("learner", updating(lambda state: (state, [state])), r"learner: metrics are \{name: number\}; got list"),
        ("learner", updating(lambda state: (state, {"a": {"b": state}})), "learner: a metric is one number"),
        ("learner", updating(lambda state: (state, {"a": state * 1j})), r"learner: a is complex64 of shape \(\)"),
        ("learner", updating(lambda state: (state, {"a/seeds": state})), "learner: a metric cannot be called"),
        ("learner", updating(lambda state: state), "learner cannot learn from this world's batches: TypeError"),
        ("learner", updating(None, predict=lambda x: x[:1, :3]), "learner: predict gives 1 rows for 8 samples"),
        ("evals", lambda view: {"a": "b"}, r"evals\.own: a metric is one number"),
        ("analyses", lambda records: None, r"analyses\.own returned NoneType; an analysis returns \{name: number\}"),
        ("artifacts", lambda context: None, r"artifacts\.own: its function must return \(names of files, write\)"),
        ("artifacts", lambda context: (("metrics.jsonl",), print), "an artifact cannot leave 'metrics.jsonl'"),
        ("artifacts", lambda context: (("a/b",), print), "an artifact cannot leave 'a/b'"),
        ("artifacts", lambda context: ("a.json", print), r"its files are names in a tuple: \('a\.json',\)"),
        ("analyses", lambda records: {"a": float("nan")}, r"analyses\.own: a is not finite"),
        ("evals", lambda view: {"a/seeds": 1.0}, r"evals\.own: a metric cannot be called 'a/seeds'"),
        ("figures", lambda runs: None, r"figures\.own returned NoneType; a figure is a matplotlib Figure"),
        ("figures", lambda runs: runs["other"], r"figures\.own: KeyError: 'other'"),
    ],
)
def test_functions_that_return_something_else_are_named(monkeypatch, kind, function, message):
    monkeypatch.setitem(registry.KINDS[kind].names, "own", function)
    many = registry.KINDS[kind].many
    settings = config(seed=0, baselines={}, **{kind: ("own",) if many else {"name": "own"}})
    with pytest.raises(ValueError, match=message):
        prepare(settings)


def prepare(settings):
    """All that is tried before the first step."""
    plan = experiments.plan(settings)
    learner, world, views = plan.stages[0].experiment({})
    run = jax.eval_shape(lambda: bootstrap.begin(jax.random.key(0), learner, world))
    jax.eval_shape(lambda run: bootstrap.advance(jax.random.key(0), learner, world, run, 1), run)
    jax.eval_shape(lambda run: evaluation.measure(plan.evals, views(run, world.data, plan.test)), run)
    outputs.artifacts(settings, plan, run, "a command")
    outputs.check_outputs(settings, ["eval/test_error"], [])


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figurs": ("pair",)}, r"config\.figurs: no such key \(did you mean 'figures'\?\); there are seed"),
        ({"num_step": 3}, r"config\.num_step: no such key \(did you mean 'num_steps'\?\); there are seed"),
        ({"zebra": 3}, r"config\.zebra: no such key; there are seed, num_seeds"),
        ({"evals": "classification"}, r"'classification' stands where several may: write \('classification',\)"),
        (
            {"grid": ("a", "b")},
            r"config\.grid must be name -> changes, which are nested as the config is; got \('a', 'b'\)",
        ),
        ({"stages": {"from_step": 3}}, r"config\.stages must be a tuple of changes, each with its from_step; got"),
        ({"grid": {"": {}, "slow": {}}}, "a cell of the grid and a baseline are both called 'slow'; rename one"),
        ({"learner": "sgd"}, "learner must be a mapping with a `name` and settings; got 'sgd'"),
        ({"world": {"batch_size": 4}}, "world: say by `name` which one; got None"),
    ],
)
def test_keys_and_values_that_a_config_cannot_have_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        experiments.plan(config(**changes))


def test_what_a_function_of_ones_own_returns_may_be_bare(monkeypatch):
    train, test = small()
    monkeypatch.setitem(registry.KINDS["data"].names, "small", lambda data_dir: (tuple(train), (list(test.x), test.y)))
    plan = experiments.plan(config())
    np.testing.assert_array_equal(plan.test[0], test.x)
    monkeypatch.setitem(registry.KINDS["data"].names, "small", lambda data_dir: train.x)
    with pytest.raises(ValueError, match=r"a data set is experiments\.data\.Data\(Part\(x, y\), Part\(x, y\)\) or "):
        experiments.plan(config())


@pytest.mark.usefixtures("data")
def test_a_fraction_of_wrong_labels_is_checked_in_every_cell():
    noises = {name: {"world": {"label_noise": noise}} for name, noise in {"a": 0.0, "b": 2.0}.items()}
    with pytest.raises(ValueError, match=r"label_noise must be a fraction, from 0 to 1, got 2\.0"):
        experiments.plan(
            config(world={"name": "paired", "batch_size": 4, "num_samples": 12, "label_noise": 0.0}, grid=noises)
        )
