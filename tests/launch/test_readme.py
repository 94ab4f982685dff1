"""The README tells the truth: its snippet runs, its commands run, and the files it names are there."""

import glob
import re
import shlex
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text()


def test_the_snippet_runs_and_learns():
    (snippet,) = re.findall(r"```python\n(import jax\n.*?)```", README, re.DOTALL)
    names = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["metrics"]["error"].shape == (42,)
    assert (names["guesses"] != names["digits"].test.y).mean() < 0.07


def test_the_files_it_names_are_there():
    files, links = r"`([\w/]+(?:\.(?:py|sh|yaml)|/Dockerfile))`", r"\]\(((?!http)[^)]+)\)"
    named = {*re.findall(files, README), *re.findall(links, README)}
    named.remove("mine.py")  # the reader's own
    assert len(named) >= 7
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


def test_its_commands_run(run, tmp_path):
    shorter = {
        "launch.train": ["--config.num_steps=42"],
        "launch.sweep": ["--config.num_steps=42"],
        "launch.plot": [],
        "launch.table": [],
        "launch.report": [],
        "launch.bench": ["--help"],
    }
    commands = re.findall(r"^\.venv/bin/python -m (.*)$", README.replace("\\\n", ""), re.MULTILINE)
    assert {command.split()[0] for command in commands} == shorter.keys()
    outputs = {}
    for command in commands:
        words = shlex.split(re.sub(r"\bruns/", f"{tmp_path}/", command))
        program, *flags = [path for word in words for path in (sorted(glob.glob(word)) or [word])]
        status, output = run(program, *flags, *shorter[program])
        assert status == 0, output
        outputs[program] = output
    assert [line.split()[1] for line in outputs["launch.table"].splitlines()[1:]] == ["0.1", "0.03", "0.01"]
    assert (tmp_path / "rates.html").exists()
    assert (tmp_path / "figures" / "eval_test_error.png").exists()
