"""A page about runs has all in it, and follows runs that go on."""

import base64
import json
import os
import re
import threading
import time
from html.parser import HTMLParser

import pytest

from launch import reports

CONFIG = {
    "seed": 0,
    "num_seeds": 2,
    "num_steps": 4,
    "log_every": 2,
    "eval_every": 2,
    "checkpoint_every": 4,
    "log_metrics": ["eval/<error>"],
    "data": {},
    "world": {},
    "learner": {"name": "sgd", "rate": 0.1},
}
SUMMARY = {
    "steps": 4,
    "num_seeds": 2,
    "fingerprint": "f00d",
    "wall_seconds": 12.4,
    "compile_seconds": 3.2,
    "steps_per_second": 1.5,
    "peak_memory_bytes": 2e9,
}
BEGAN = 1767225600  # 2026-01-01
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def make(workdir, rate, *, finished=True):
    (workdir / "figures").mkdir(parents=True)
    last = {"eval/<error>": 0.25, "eval/<error>/seeds": [0.2, 0.3]}
    lines = [{"step": step, **last} for step in ((0, 4) if finished else (0, 2))]
    learner = {**CONFIG["learner"], "rate": rate}
    (workdir / "config.json").write_text(json.dumps({**CONFIG, "learner": learner}))
    (workdir / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    launch = {"step": 0, "argv": ["train", "--a=<b>"], "devices": ["cpu:0"], "time": "2026-01-01T00:00:00+00:00"}
    (workdir / "run.json").write_text(json.dumps(launch))
    os.utime(workdir / "metrics.jsonl", (BEGAN + 5, BEGAN + 5))
    (workdir / "figures" / "arena.png").write_bytes(PIXEL)
    (workdir / "episode.gif").write_bytes(b"GIF89a")
    (workdir / "episode.html").write_text('<p class="film">Alice & Bob</p>')
    if finished:
        (workdir / "summary.json").write_text(json.dumps({**SUMMARY, **last}))
    return workdir


class Page(HTMLParser):
    """Its tags and its text; raises where one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.films, self.sources, self.words, self._open = [], [], [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.films += [value for name, value in attrs if name == "srcdoc"]
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_page_has_everything_in_it(tmp_path):
    text = reports.page([make(tmp_path / "a", 0.1), make(tmp_path / "b", 0.3, finished=False)])
    page = Page(text)
    assert "http" not in text
    films = [source for source in page.sources if source.startswith("data:image/gif;base64,")]
    assert [base64.b64decode(source.split(",")[1]) for source in films] == [b"GIF89a"] * 2
    page.sources = [source for source in page.sources if source not in films]
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    pictures = [base64.b64decode(source.split(",")[1]) for source in page.sources]
    assert page.films == ['<p class="film">Alice & Bob</p>'] * 2
    assert len(pictures) == 3  # a curve of both, and of each what it left
    assert pictures.count(PIXEL) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    words = "|".join(page.words)
    for said in ("rate|step|eval/<error>", "0.25 ± 0.05", "finished, step 4 of 4, 2 seeds", "12, of them 3 compiling"):
        assert said in words
    assert "not finished, step 2 of 4" in words
    assert "steps a second|1.5|" in words
    assert "steps a second|0.4 so far, compiling included|" in words
    assert "1, the last: train --a=<b>" in words
    assert "refresh" not in text


def test_watching_ends_with_the_runs(run, tmp_path):
    workdir, out = make(tmp_path / "run", 0.1, finished=False), tmp_path / "pages" / "page.html"

    def finish():
        while not out.exists():
            time.sleep(0.02)
        assert re.search(r'http-equiv="refresh" content="0.2"', out.read_text())
        (workdir / "summary.json").write_text(json.dumps({**SUMMARY, "eval/<error>": 0.25}))

    other = threading.Thread(target=finish)
    other.start()
    status, output = run("launch.report", workdir, f"--out={out}", "--watch=0.2")
    other.join()
    assert status == 0, output
    assert set(output.splitlines()) == {f"page: {out}"}
    assert "refresh" not in out.read_text()


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ("name at least one run folder", ()),
        ("is not a run folder: it has no config.json", ("nowhere",)),
        ("is a folder; name the HTML file in it", ("nowhere", "--out=.")),
        ("--watch=nan: seconds below a million", ("nowhere", "--watch=nan")),
    ],
)
def test_mistakes_are_one_line(refused, tmp_path, words, flags):
    flags = [str(tmp_path / flag) if flag == "nowhere" else flag for flag in flags]
    refused(words, "launch.report", f"--out={tmp_path / 'page.html'}", *flags)
