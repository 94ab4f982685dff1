"""A step changes the state where it is: a large state is copied once a call of `log_every` steps, not once a step."""

import re

import pytest

import experiments
from glns import native
from launch import programs
from launch.clock import Clock

CONFIG = {
    "evals": (),
    "data": {"name": "gaussians", "num_inputs": 7, "num_classes": 3, "separation": 2.0, "num_test": 4},
    "world": {"name": "paired", "batch_size": 4, "num_samples": 10},
    "learner": {"name": "glns", "num_classes": 3, "sizes": (5, 1), "num_half_spaces": 2},
}
# Members that a device has (each core is one), classes, neurons, contexts, inputs and bias.
WEIGHTS = r"f32\[[12],3,5,4,8\]"


@pytest.mark.skipif(not native.available, reason="the native implementation was not built: no C++ compiler")
def test_no_step_copies_the_state(monkeypatch):
    kept = {}

    def compiling(clock):
        def compiled(program, static, *args):
            optimised = {"xla_backend_optimization_level": 1}  # which those of tests lack
            kept[static] = program.lower(*static, *args).compile(compiler_options=optimised)
            return kept[static]

        return compiled

    monkeypatch.setattr(programs, "_compiling", compiling)
    run = programs.programs(experiments.plan(CONFIG), 0, 2, Clock(), "vmap")
    run.advance(0, run.begin(), 6)
    text = kept[0, 6].as_text()
    entry = text[text.index("\nENTRY ") :]
    copies = re.compile(rf"= {WEIGHTS}\S* (?!parameter|get-tuple-element|custom-call|bitcast)\S*\(.*")
    assert re.search(WEIGHTS, text.replace(entry, ""))
    assert "glns_learn" in text
    assert copies.findall(text.replace(entry, "")) == []
    assert len(re.findall(rf"{WEIGHTS}\S* copy\(", entry)) <= 1
