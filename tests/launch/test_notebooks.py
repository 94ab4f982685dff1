"""A tour becomes an executed notebook, with its pictures, by the Makefile's command, and runs in any folder."""

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("jupytext") is None, reason="jupytext, of the extra dev, is not installed")
def test_the_tour_of_the_frame_as_a_notebook(tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = ["make", "--old-file=.venv/installed", f"BIN={Path(sys.executable).parent}", f"NOTEBOOKS={tmp_path}"]
    made = subprocess.run([*command, f"{tmp_path}/frame.ipynb"], cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    notebook = json.loads((tmp_path / "frame.ipynb").read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    (picture,) = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    said = "".join("".join(output.get("text", "")) for output in outputs)
    found = {
        world: {label: float(value) for label, _, value in (part.rpartition(" ") for part in words.split(", "))}
        for world, words in re.findall(r"^(.*): accuracy on the next batch: (.*)$", said, re.MULTILINE)
    }
    assert len(found) == 5
    changing = [found["two classes change places"], found["four tasks in a row"]]
    for world in changing:
        assert world["nearest mean"] + 0.1 < world["one that forgets"] < world["GLN"]
    assert found["a bandit"]["one that forgets"] + 0.1 < found["a bandit"]["nearest mean"]
