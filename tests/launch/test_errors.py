"""A mistake is one line that says what to do, exit status 2, and nothing created that was not there."""

import pytest

CONFIGS = "--config=experiments/configs/"
GLN, SGD = f"{CONFIGS}glns_digits.py:smoke", f"{CONFIGS}sgd_digits.py:smoke"
SELF_PLAY, UCI, SHARDS = (
    f"{CONFIGS}self_play_puck.py:no_clip",
    f"{CONFIGS}glns_uci.py:adult",
    f"{CONFIGS}bootstrap_cifar5m.py",
)

FLAGS = {
    "no flags": ([], "say what to run: --config=FILE.py[:VARIANT]"),
    "no workdir": ([GLN, "--noworkdir"], "Unknown command line flag 'noworkdir'"),
    "workdir without a value": ([GLN, "--workdir"], "Missing value for flag --workdir"),
    "unknown flag": ([GLN, "--wrkdir=x"], "Did you mean: workdir"),
    "argument": ([GLN, "nope"], "unexpected argument 'nope'"),
    "no yes or no": ([GLN, "--debug=maybe"], "--debug=maybe"),
    "no number of processes": ([GLN, "--num_processes=x"], "--num_processes=x"),
    "no processes": ([GLN, "--num_processes=0"], "--num_processes=0"),
    "no such process": ([GLN, "--process_id=-1"], "--process_id=-1"),
    "half a cluster": ([GLN, "--num_processes=2"], "--coordinator_address"),
    "no such flagfile": ([GLN, "--flagfile=nope"], "Unable to open flagfile"),
    "flagfile that is no text": ([GLN, "--flagfile={folder}/bytes"], "can't decode byte 0xff"),
    "workdir is a file": ([GLN, "--workdir={folder}/file"], "cannot write to --workdir"),
    # The config.
    "no such config": (
        ["--config=nope.py"],
        "no config file nope.py; --config names a file, and in experiments/configs",
    ),
    "config without a name": (["--config="], "a config file has a name"),
    "a variant of nothing": (["--config=:smoke"], "a config file has a name"),
    "config is a folder": (["--config=experiments/configs"], "no config file experiments/configs"),
    "config is no Python": (["--config=README.md"], "README.md is not a Python file"),
    "two configs": ([GLN, SGD], "--config is given 2 times"),
    "key before its config": (["--config.num_steps=3", GLN], "before a value for --config"),
    "no such variant": ([f"{CONFIGS}glns_digits.py:nope"], "no variant 'nope'; there are real, ideal"),
    "empty variant": ([f"{CONFIGS}glns_digits.py:"], "no variant ''; there are real"),
    "two variants": ([f"{CONFIGS}glns_digits.py:real:ideal"], "no variant 'real:ideal'"),
    "help on no config": (["--config=nope.py", "--help"], "no config file nope.py"),
    "help on no variant": (["--config=experiments/configs/glns_digits.py:nope", "--help"], "no variant 'nope'"),
    # Keys.
    "unknown key": ([GLN, "--config.learner.learnin_rate=1"], "(did you mean 'learning_rate'?); config.learner has"),
    "unknown key below one": (
        [GLN, "--config.learner.foo.bar=1"],
        "config.learner.foo.bar: no such key; config.learner",
    ),
    "unknown key above one": ([GLN, "--config.baselines.x.name=glns"], "config has artifacts, checkpoint_every, data"),
    "key of a number": ([GLN, "--config.num_steps.x=3"], "no such key; config.num_steps is 4"),
    "key of a string": ([GLN, "--config.learner.name.x=3"], "config.learner.name is 'glns'"),
    "key of a tuple": ([GLN, "--config.evals.x=3"], "config.evals is ('classification',)"),
    "place in a tuple": ([GLN, "--config.learner.sizes.0=3"], "keys are names with a dot between them"),
    "index of a tuple": ([GLN, "--config.learner.sizes[0]=3"], "config.learner.sizes is (50, 25, 1)"),
    "empty key": ([GLN, "--config.=3"], "config.: no such key"),
    "key that ends in a dot": ([GLN, "--config.learner.=3"], "config.learner.: no such key"),
    "negated key": ([GLN, "--noconfig.learner.x"], "config.learner.x: no such key"),
    "method of a config": ([GLN, "--config.keys=3"], "config.keys: no such key"),
    "old key": ([GLN, "--config.probe_every=2"], "config.probe_every is now config.eval_every"),
    "old key with others": ([GLN, "--config.rivals.x.name=glns"], "config.rivals is now config.baselines"),
    "old setting": ([GLN, "--config.learner.form=scan"], "(form is now implementation)"),
    # Values.
    "word for a number": ([GLN, "--config.num_steps=many"], "must be a whole number, got 'many'"),
    "part of a step": ([GLN, "--config.num_steps=1.5"], "must be a whole number, got '1.5'"),
    "too large for a float": ([GLN, "--config.num_steps=1e400"], "must be a whole number, got '1e400'"),
    "NaN steps": ([GLN, "--config.num_steps=nan"], "must be a whole number, got 'nan'"),
    "True steps": ([GLN, "--config.num_steps=True"], "must be a whole number, got 'True'"),
    "empty number": ([GLN, "--config.num_steps="], "must be a whole number, got ''"),
    "tuple for a number": ([GLN, "--config.num_steps=(1,)"], "must be a whole number, got '(1,)'"),
    "negative steps": ([GLN, "--config.num_steps=-1"], "num_steps must be 0 to 2147483647, got -1"),
    "more steps than int32": ([GLN, "--config.num_steps=1e12"], "num_steps must be 0 to 2147483647"),
    "whole float is taken": (
        [GLN, "--config.num_steps=1e3", "--config.log_every=7"],
        "must be a multiple of log_every=7",
    ),
    "word for a float": ([GLN, "--config.learner.learning_rate=fast"], "could not convert string to float: 'fast'"),
    "NaN": ([GLN, "--config.learner.learning_rate=nan"], "learning_rate is nan, which is no finite float32"),
    "infinity": ([GLN, "--config.learner.learning_rate=inf"], "take a large one such as 1e30"),
    "beyond float32": ([GLN, "--config.learner.learning_rate=-1e39"], "which is no finite float32"),
    "beyond 32 bits": ([GLN, "--config.world.batch_size=4294967296"], "batch_size must fit into 32 bits"),
    "word for keys": ([GLN, "--config.learner=glns"], "this key holds others"),
    "tuple for keys": ([GLN, "--config.world=(1, 2)"], "this key holds others"),
    "words in a tuple of numbers": ([GLN, "--config.learner.sizes=x"], "sizes must be a tuple, each a whole number"),
    "no last seed": ([GLN, "--config.seed=4294967295", "--config.num_seeds=3"], "go beyond the last seed, 4294967295"),
    "no such seed": ([GLN, "--config.seed=4294967296"], "seed must be 0 to 4294967295"),
    "negative seed": ([GLN, "--config.seed=-1"], "seed must be 0 to 4294967295, got -1"),
    "no seeds": ([GLN, "--config.num_seeds=0"], "num_seeds must be 1 to 65536, got 0"),
    "schedule": ([GLN, "--config.eval_every=3"], "eval_every=3 must be a multiple of log_every=2"),
    "a key that is None": (
        [SELF_PLAY, "--config.learner.cloning_clip=x"],
        "cloning_clip must be a number or None, got 'x'",
    ),
    "another": ([UCI, "--config.data.test_fraction=x"], "test_fraction must be a number or None, got 'x'"),
    "a third": ([SHARDS, "--config.world.augment=3", "--config.log_every=0"], "log_every must be 1"),
}

LIBRARY = "from ml_collections import ConfigDict, FrozenConfigDict"
FILES = {  # of a config
    "": "has no function get_config()",
    "get_config = 3": "has no function get_config()",
    "def get_config(:": "SyntaxError: invalid syntax",
    "import nope": "ModuleNotFoundError: No module named 'nope'",
    "raise SystemExit(3)": "SystemExit: 3",
    "1 / 0": "ZeroDivisionError: division by zero",
    b"x = '\xe9'": "can't decode byte 0xe9",
    b"\0": "null bytes",
    "def get_config(): return {}": "must return a ConfigDict, not dict",
    "def get_config(): pass": "must return a ConfigDict, not NoneType",
    "def get_config(variant): pass": "get_config of {file} needs a variant: --config={file}:VARIANT",
    "def get_config(): open('nope')": "failed: FileNotFoundError",
    "def get_config(): raise KeyError('num_steps')": "failed: KeyError 'num_steps'",
    "def get_config(): raise TypeError('two\\nlines')": "failed: TypeError two lines",
    "def get_config(): raise ValueError('say this')": "{file}: say this",
    "def get_config(): assert False": "failed: AssertionError",
    "def get_config(): raise SystemExit('no')": "failed: SystemExit no",
    "def get_config(): return get_config()": "failed: RecursionError",
    f"{LIBRARY}\ndef get_config(): return ConfigDict()": "the config lacks num_steps, data, world, learner",
    f"{LIBRARY}\ndef get_config(): return FrozenConfigDict({{'num_steps': 1}})": "the config lacks data, w",
    f"{LIBRARY}\ndef get_config(): return ConfigDict({{'a.b': 1}})": "does not accept dots",
}

OTHERS = {
    "no runs": (["launch.plot"], "name at least one run folder"),
    "no run": (["launch.plot", "{folder}"], "is not a run folder"),
    "a file for a run": (["launch.plot", "README.md"], "README.md is not a run folder"),
    "two runs, no place": (["launch.plot", "{folder}", "{folder}/.."], "--out=DIR"),
    "unknown flag of plot": (["launch.plot", "--wrong"], "Unknown command line flag 'wrong'"),
    "no metrics": (["launch.plot", "{folder}", "--metrics"], "Missing value for flag --metrics"),
    "no config to sweep": (["launch.sweep", "--config=nope.py", "--workdir={folder}"], "no config file nope.py"),
    "no sweep": (["launch.sweep", "--config=experiments/evals.py", "--workdir={folder}"], "has no sweep(add)"),
    "a sweep of a variant": (
        ["launch.sweep", SGD, "--workdir={folder}"],
        "no config file experiments/configs/sgd_digits",
    ),
    "nowhere to sweep": (["launch.sweep", f"{CONFIGS}sgd_digits.py"], "--workdir"),
    "argument of a sweep": (
        ["launch.sweep", f"{CONFIGS}sgd_digits.py", "--workdir=x", "nope"],
        "unexpected argument 'nope'",
    ),
    "no suite": (["launch.bench"], "--suite"),
    "no such suite": (["launch.bench", "--suite=nope"], "glns|bootstrap"),
    "no such line": (["launch.bench", "--suite=glns", "--only=nope"], "no line of suite glns contains 'nope'"),
    "no repeats": (["launch.bench", "--suite=glns", "--repeats=0"], "--repeats=0"),
    "no place for JSON": (["launch.bench", "--suite=glns", "--json=/nope/x"], "--json=/nope/x cannot be written"),
    "a folder for JSON": (["launch.bench", "--suite=glns", "--json={folder}"], "cannot be written"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    (folder / "file").write_text("")
    (folder / "bytes").write_bytes(b"\xff")
    return folder


@pytest.mark.parametrize("name", FLAGS)
def test_flags(refused, folder, tmp_path, name):
    flags, words = FLAGS[name]
    flags = [flag.format(folder=folder) for flag in flags]
    if flags and not any(flag.startswith("--workdir") for flag in flags):
        flags.insert(0, f"--workdir={tmp_path / 'run'}")
    refused(words, "launch.train", *flags, folder=folder)


@pytest.mark.parametrize("text", FILES)
def test_config_files(refused, tmp_path, text):
    file = tmp_path / "own.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(FILES[text].format(file=file), "launch.train", f"--config={file}", f"--workdir={tmp_path / 'run'}")


@pytest.mark.parametrize("name", OTHERS)
def test_other_programs(refused, folder, name):
    argv, words = OTHERS[name]
    refused(words, *(word.format(folder=folder) for word in argv), folder=folder)


def test_debug_shows_the_traceback(run, tmp_path):
    status, output = run("launch.train", GLN, "--config.world.batch_size=0", "--debug", f"--workdir={tmp_path / 'run'}")
    assert status != 0
    assert "Traceback" in output
    assert "bootstrap/worlds.py" in output


@pytest.mark.parametrize("program", ["train", "sweep", "plot", "bench"])
def test_help_helps(run, program):
    status, output = run(f"launch.{program}", "--help")
    assert status == 0
    assert f"python -m launch.{program}" in output
    assert "--[no]debug" in output


def test_a_sweep_with_a_damaged_run_is_refused_before_any_runs(run, tmp_path):
    config, damaged = tmp_path / "config.py", tmp_path / "smoke,seed=1" / "metrics.jsonl"
    ours = "experiments/configs/sgd_digits.py"
    config.write_text(
        f"import runpy\nget_config = runpy.run_path({ours!r})['get_config']\n"
        "def sweep(add): add('smoke'), add('smoke', **{'seed': 1})\n"
    )
    damaged.parent.mkdir()
    damaged.write_text("[1]\n")
    status, output = run("launch.sweep", f"--config={config}", f"--workdir={tmp_path}")
    assert status == 2, output
    assert output.startswith(f"error: {damaged}, line 1: it is not a JSON object")
    assert len(output.strip().split("\n")) == 1
    assert not (tmp_path / "smoke").exists()
