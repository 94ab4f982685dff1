"""Names become things: ours, anybody's, nested, and refused in one line."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import data, registry


def test_the_rate_of_a_meta_learner_may_fall():
    """To nothing after one step: the second changes no gene."""
    rate = {"name": "cosine", "learning_rate": 0.1, "num_steps": 1}
    genome = {"name": "random", "num_states": 2}
    settings = {"name": "blur_meta", "init_genome": genome, "sizes": (2,), "population": 1, "learning_rate": rate}
    init, update, _ = registry.build("learner", settings)
    tasks = {"name": "tasks", "families": ("xor",), "unroll": 1, "batch_size": 4}
    world = registry.build("world", tasks, data.none(None))
    _, tasks = world.draw(jax.random.key(0), world.data, world.init(jax.random.key(0), world.data), None)
    states, update = [init(jax.random.key(1), tasks)], jax.jit(update)
    for i in range(2):
        states.append(update(jax.random.key(i), states[-1], tasks)[0])
    first, second, third = (np.array(state.genomes.synapse.update) for state in states)
    assert first != second == third
    assert second.dtype == jnp.float32


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_short_name_is_a_function_that_takes_what_it_is_given(kind):
    for name in registry.KINDS[kind].names:
        make = registry.resolve(kind, name)
        given = [word.strip() for word in registry.KINDS[kind].given.split(",") if word]
        parameters = list(inspect.signature(make).parameters.values())[: len(given)]
        assert all(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters), (name, given)


def test_anybodys_function_stands_where_ours_does():
    net = {"name": "bootstrap.nets:MLP", "features": (4,), "num_classes": 3}
    ours = registry.build("learner", {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": 0.1}})
    schedule = {"name": "optax:linear_schedule", "init_value": 0.1, "end_value": 0.0, "transition_steps": 9}
    tx = {"name": "optax:adamw", "learning_rate": schedule}
    theirs = registry.build("learner", {"name": "bootstrap.sgd:learner", "net": net, "tx": tx})
    x, y = np.zeros((2, 5), np.float32), np.zeros(2, np.int32)
    shapes = [jax.tree.leaves(init(jax.random.key(0), (x, y)).params) for init, _, _ in (ours, theirs)]
    for one, other in zip(*shapes, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mapping_under_any_key_is_built_where_its_name_is_a_function():
    made = registry.build(
        "gate", {"name": "builtins:dict", "part": {"name": "builtins:dict", "size": 3}, "rest": {"a": 1}}
    )
    assert made == {"part": {"size": 3}, "rest": {"a": 1}}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            "learner",
            {"name": "nope"},
            "no learner named 'nope'; there are averaged, blur, .*sgd.*, or your own 'package.module:f",
        ),
        ("learner", {"name": "no_such_module:f"}, "learner 'no_such_module:f': No module named 'no_such_module'"),
        ("learner", {"name": "glns:nope"}, "learner 'glns:nope': module 'glns' has no attribute 'nope'"),
        ("learner", {"sizes": (1,)}, "learner: say by `name` which one; got None"),
        ("world", {"name": "real", "batchsize": 3}, "world 'real': .*unexpected keyword argument 'batchsize'"),
        ("world", {"name": "real"}, "world 'real': needs batch_size; give them in the config"),
        ("learner", {"name": "sgd", "net": {"name": "x"}, "tx": {}}, r"no learner\.net named 'x'; there are alexnet"),
        ("evals", {"name": "training", "batch": 1}, "evals 'training': got an unexpected keyword argument 'batch'"),
        (
            "figures",
            {"name": "pair", "rivals": ()},
            r"unexpected keyword argument 'rivals'; there are .* \(rivals is now baselines\)",
        ),
    ],
)
def test_what_cannot_be_built_is_one_line(kind, settings, message):
    with pytest.raises(ValueError, match=message) as refusal:
        registry.build(kind, settings, *(["data"] if kind == "world" else []))
    assert "\n" not in str(refusal.value)


def test_labels_are_names_unless_settings_say_otherwise():
    made = registry.build_all("families", {"xor": {}, "loose": {"name": "blobs", "num_classes": 3}})
    assert list(made) == ["xor", "loose"]
    assert made["loose"].keywords == {"num_classes": 3}
    assert registry.build_all("families", ("and", "or")).keys() == {"and", "or"}
    assert registry.build_all("families", None) == {}


def test_modules_that_are_not_ours_are_listed(tmp_path, monkeypatch):
    (tmp_path / "mine_to_list.py").write_text("def rule(records):\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = {"learner": {"name": "sgd"}, "analyses": ("gap", "mine_to_list:rule"), "tx": {"name": "optax:adam"}}
    registry.build_all("analyses", config["analyses"])
    files = registry.foreign(config)
    assert files["mine_to_list"] == str(tmp_path / "mine_to_list.py")
    assert files.keys() == {"mine_to_list", "optax"}


def test_a_learner_may_be_made_of_another():
    one = {"name": "glns", "num_classes": 3, "sizes": (2, 1), "num_half_spaces": 1}
    init, _, _ = registry.build("learner", {"name": "ensemble", "num_members": 2, "learner": one})
    state = jax.eval_shape(init, jax.random.key(0), (np.zeros((4, 5)), np.zeros(4, int)))
    assert state.members.layers[0].weights.shape == (2, 3, 2, 2, 6)
    with pytest.raises(ValueError, match=r"no learner\.learner named 'nope'"):
        registry.build("learner", {"name": "ensemble", "num_members": 2, "learner": one | {"name": "nope"}})
