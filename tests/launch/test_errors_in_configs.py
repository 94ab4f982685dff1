"""What is wrong inside a config is one line that names its place, exit status 2, and nothing created."""

import pytest

CONFIG = '''
from ml_collections import ConfigDict
from math import inf, nan

SGD = {
    "name": "sgd",
    "net": {"name": "mlp", "features": (8,), "num_classes": 10},
    "tx": {"name": "adam", "learning_rate": 0.01},
}

def get_config(changes):
    """changes: KEY__INNER=VALUE, .. as Python writes them."""
    world = {"name": "real", "batch_size": 32}
    config = {"num_steps": 2, "data": {"name": "digits"}, "world": world, "learner": SGD}
    for key, value in eval(f"dict({changes})").items():
        *path, last = key.split("__")
        part = config
        for inner in path:
            part = part[inner]
        part[last] = value
    return ConfigDict(config)
'''

MODULE = """
three = 3
def bare(): return 1
def two(first, *, second): return 1
def pair(*, rate: float = 0.1): return 1, 2
def fails(): raise RuntimeError("two\\nlines")
def leaves(): raise SystemExit(4)
def number(given): return 5
def ends(): return lambda key, example: exit(0), print, print
def keyed(data):
    from jax.random import key
    return tuple(data.train), lambda _, arrays: key(0), lambda _, arrays, at, act: (at, tuple(a[:4] for a in arrays))
"""

NAMES = {
    'learner={"name": "gnls"}': "no learner named 'gnls' (did you mean 'glns'?); there are averaged, blur",
    'learner={"name": ""}': "no learner named ''; there are",
    'learner={"name": 3}': "learner: say by `name` which one; got 3",
    "learner={}": "learner: say by `name` which one; got None",
    'learner="sgd"': "learner must be a mapping with a `name` and settings; got 'sgd'",
    "learner=None": "learner must be a mapping with a `name` and settings; got None",
    'baselines={"a": {"name": "sdg"}}': "no baselines.a named 'sdg' (did you mean 'sgd'?)",
    'learner__net__name="mpl"': "no learner.net named 'mpl' (did you mean 'mlp'?)",
    'learner__tx__name="adm"': "no learner.tx named 'adm' (did you mean 'adam'?)",
    'learner__tx__learning_rate={"name": "cosin"}': "learning_rate named 'cosin' (did you mean 'cosine'?)",
    'learner={"name": "blur_meta", "init_genome": {"name": "rndom"}, "sizes": (2,)}': "(did you mean 'random'?)",
    'learner={"name": "blur_meta", "rule": {"name": "blr"}, "sizes": (2,)}': "(did you mean 'blur'?)",
    'learner={"name": "glns", "gate": {"name": "half_space"}}': "(did you mean 'half_spaces'?)",
    'data={"name": "digit"}': "no data named 'digit' (did you mean 'digits'?)",
    'world={"name": "reel"}': "no world named 'reel' (did you mean 'real'?)",
    'world={"name": "ideal", "batch_size": 3, "sampler": {"name": "deform"}}': "(did you mean 'deformed'?)",
    'world={"name": "paired", "batch_size": 3, "augment": ("flp",)}': "(did you mean 'flip'?)",
    'world={"name": "tasks", "families": ("xr",), "unroll": 2, "batch_size": 4}': "(did you mean 'xor'?)",
    'evals=("clasification",)': "(did you mean 'classification'?)",
    'analyses=("gop",)': "no analyses.gop named 'gop' (did you mean 'gap'?)",
    'artifacts=("genom",)': "(did you mean 'genome'?)",
    'figures=("par",)': "(did you mean 'pair'?)",
    # Of anybody's functions.
    'learner={"name": "nope.inner:learner"}': "learner 'nope.inner:learner': No module named 'nope'",
    'learner={"name": "mistaken:nope"}': "module 'mistaken' has no attribute 'nope'",
    'learner={"name": "mistaken:three"}': "learner 'mistaken:three' must be a function; it is of type int",
    'learner={"name": "mistaken:"}': "learner 'mistaken:': write 'package.module:function'",
    'learner={"name": "mistaken:pair:pair"}': "write 'package.module:function'",
    'learner={"name": "mis taken:pair"}': "write 'package.module:function'",
    'learner={"name": "breaks:x"}': "learner 'breaks:x' cannot be imported: ZeroDivisionError",
    'learner={"name": "quits:x"}': "learner 'quits:x' cannot be imported: SystemExit",
    'learner={"name": "mistaken:fails"}': "learner 'mistaken:fails' failed: RuntimeError: two lines",
    'learner={"name": "mistaken:leaves"}': "learner 'mistaken:leaves' failed: SystemExit: 4",
    'learner={"name": "mistaken:ends"}': "SystemExit: 0 (--debug shows where)",
    'learner={"name": "mistaken:pair"}': "learner: its function must return (init, update, predict); got tuple",
    'world={"name": "mistaken:number"}': "world: its function must return (data, init, draw); got int",
    'data={"name": "mistaken:number"}': "a data set is experiments.data.Data(Part(x, y), Part(x, y)) or",
    'data={"name": "mistaken:bare"}': "is called with 1 arguments before its settings, but takes 0",
    'learner={"name": "mistaken:two"}': "needs first, second; give them in the config, beside its name",
}

SETTINGS = {
    "learner__net__width=3": "unexpected keyword argument 'width'; there are features, num_classes",
    "world__batchsize=3": "'batchsize' (did you mean 'batch_size'?)",
    'world={"name": "real"}': "world 'real': needs batch_size; give them in the config, beside its name: {'name': ..,",
    'evals=("holdout",)': "evals.holdout 'holdout': needs tasks, num_games, bob_steps; give them in the config",
    'baselines=("sgd",)': "baselines.sgd 'sgd': needs net, tx",
    'data={"name": "gaussians"}': "missing 3 required keyword-only arguments: 'num_inputs'",
    "learner__net__features=3": "learner.net 'mlp': features must be a tuple, each a whole number, got 3",
    "learner__net__features=(8.0,)": "features must be a tuple, each a whole number, got (8.0,)",
    'learner__net__features={"a": 1}': "features must be a tuple, each a whole number, got {'a': 1}",
    'learner__net__num_classes="10"': "num_classes must be a whole number, got '10'",
    "learner__net__num_classes=True": "num_classes must be a whole number, got True",
    "learner__net__batch_norm=1": "batch_norm must be True or False, got 1",
    'learner__net="mlp"': "a net must be a flax Linen module or a pair of functions",
    'learner__tx="adam"': "tx must be a mapping with a `name`, got 'adam'",
    'learner__tx__learning_rate="0.1"': "learning_rate must be a number or a mapping with a `name`, got '0.1'",
    "learner__tx__learning_rate=None": "learning_rate must be a number or a mapping with a `name`, got None",
    "learner__tx__learning_rate={3: 4}": "config.learner.tx.learning_rate has the key 3; keys are strings",
    "learner__tx__learning_rate=nan": "config.learner.tx.learning_rate is nan, which is no finite float32",
    "learner__tx__learning_rate=-inf": "config.learner.tx.learning_rate is -inf",
    "learner__net__features=(8, 10**12)": "config.learner.net.features[1] must fit into 32 bits",
    "data__x={1, 2}": "config.data.x is a set; a config holds numbers, strings",
    "data__x=len": "config.data.x is a builtin_function_or_method",
    "data__x={3: 4}": "config.data.x has the key 3; keys are strings",
    "world__batch_size=3.5": "world 'real': batch_size must be a whole number, got 3.5",
    "world__batch_size=None": "batch_size must be a whole number, got None",
    "world__batch_size=0": "batch_size must be at least 1, got 0",
    'world={"name": "ideal", "batch_size": 3, "sampler": "deformed"}': "sampler must be a mapping with a `name`",
    'world={"name": "paired", "batch_size": 3, "augment": "flip"}': "world.augment: 'flip' stands where several may",
    'world={"name": "paired", "batch_size": 3, "augment": {"flip": 3}}': "world.augment.flip must be a mapping",
    'world={"name": "paired", "batch_size": 3, "num_samples": "all"}': "num_samples must be a whole number",
    'world={"name": "paired", "batch_size": 3}': "world.num_samples must be 1 to 1347, as many as the data set has",
    'world={"name": "paired", "batch_size": 3, "num_samples": 9, "label_noise": 2.0}': "label_noise must be a fraction",
    'world={"name": "permuted", "batch_size": 3, "samples_per_task": 5}': "shows the tasks of the data set 'permuted'",
    'world={"name": "bandit"}': "the rewards of every arm, as in the data set 'bandit'",
    'world={"name": "mistaken:keyed"}': "the run's state has a key, world, which cannot be saved; keep",
    "learner__net__num_classes=4": "the data has labels 0 to 9 but learner num_classes=4",
    'learner={"name": "self_play"}': "a learner cannot begin in this world",
    'learner={"name": "blur", "genome": "nope", "sizes": (4,)}': "no genome file nope; the pretrained ones are",
    'learner={"name": "blur", "genome": "README.md", "sizes": (4,)}': "README.md: not a whole JSON text",
    'learner={"name": "started", "init_from": "nope", "learner": SGD}': "no file nope; a run leaves its params.npz by",
    'learner={"name": "glns", "num_classes": 10, "sizes": (3, 2), "num_half_spaces": 1}': "end in 1",
}

SHAPES = {  # of what stands at the top
    "num_step=4": "config.num_step: no such key (did you mean 'num_steps'?); there are seed",
    "num_steps=True": "num_steps must be a whole number, got True",
    "num_steps=2.0": "num_steps must be a whole number, got 2.0",
    "num_steps=None": "num_steps must be a whole number, got None",
    'seed="x"': "seed must be a whole number, got 'x'",
    'log_every="x"': "log_every must be a whole number, got 'x'",
    "eval_every=None": "eval_every must be a whole number, got None",
    "evals_per_decade=-1": "evals_per_decade must be a number of at least 0, or None; got -1",
    'log_metrics="eval/error"': "config.log_metrics must be a tuple of names; got 'eval/error'",
    "log_metrics=(3,)": "config.log_metrics must be a tuple of names; got (3,)",
    'evals="classification"': "config.evals: 'classification' stands where several may: write ('classification',)",
    "evals=3": "config.evals must be a tuple of names, or settings by label; got 3",
    'evals={"a": 3}': "config.evals.a must be a mapping of settings; got 3",
    'evals=({"name": "classification"},)': "is no name; write names, or settings by label, {LABEL: {..}}",
    'evals={"a": {"name": "classification", "members": ("x",)}}': "evals.a.members: no 'x'; there are ''",
    'evals={"a": {"name": "classification", "members": 3}}': "evals.a.members must be a tuple of names; got 3",
    'evals=("agreement",)': "evals.agreement takes one, other, but has the views of 1 members; name as many",
    'evals={"a": {"name": 3}}': "evals.a: say by `name` which one; got 3",
    "baselines=3": "config.baselines must be a tuple of names, or settings by label; got 3",
    'baselines={"": SGD}': "a cell of the grid and a baseline are both called ''",
    'figures={"a": None}': "figures.a must be a mapping of settings; got None",
    "grid=3": "config.grid must be name -> changes",
    'grid={"a": 3}': "config.grid must be name -> changes",
    'grid={"a": {"num_steps": 3}}': "grid.a may change world, learner, baselines, not num_steps",
    'grid={"a": {"learner": {"tx": {"learning_rat": 0.1}}}}': "no such key (did you mean 'learning_rate'?)",
    'grid={"a": {}, "b": {"learner": {"tx": {"learning_rate": "x"}}}}': "cells may differ in numbers below",
    'grid={"a": {}, "b": {"learner": {"tx": {"learning_rate": nan}}}}': "config.grid.b.learner.tx.learning_rate is nan",
    'grid={"a": {}, "b": {"learner": {"net": {"features": (4,)}}}}': "learner.net.features is [(8,), (4,)]",
    "stages=3": "config.stages must be a tuple of changes, each with its from_step",
    "stages=(3,)": "config.stages must be a tuple of changes",
    'stages=({"learner": {}},)': "stages.0.from_step must be a whole number, got None",
    'stages=({"from_step": "x"},)': "stages.0.from_step must be a whole number, got 'x'",
    'stages=({"from_step": 0},)': "stages: each must have a later from_step than the one before",
    'stages=({"from_step": 3}, {"from_step": 2})': "stages: each must have a later from_step than the one before",
    'stages=({"from_step": 1, "data": {}},)': "stages may change world, learner, baselines, not data",
    'stages=({"from_step": 1, "learner": {"nope": 3}},)': "stages.1.learner.nope: the config has no such key",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Somebody's own folder: a config, and modules that are mistaken."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "config.py").write_text(CONFIG)
    (folder / "mistaken.py").write_text(MODULE)
    (folder / "breaks.py").write_text("1 / 0")
    (folder / "quits.py").write_text("raise SystemExit")
    return folder


@pytest.mark.parametrize("changes", {**NAMES, **SETTINGS, **SHAPES})
def test_configs(refused, folder, tmp_path, changes):
    words = {**NAMES, **SETTINGS, **SHAPES}[changes]
    flags = (f"--config={folder}/config.py:{changes}", f"--workdir={tmp_path / 'run'}")
    refused(words, "launch.train", *flags, folder=folder)
