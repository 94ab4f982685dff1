"""The suite of tables: which there are, and what a line says."""

import gzip

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from launch import cli
from launch.suites import tables


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A table of two features, whose four classes depend on them."""
    x = np.random.default_rng(0).normal(size=(80, 2)).round(3)
    text = "\n".join(["a\ttarget\tb", *(f"{a}\t{2 * (a > 0) + (b > a)}\t{b}" for a, b in x), ""])
    (tmp_path / "corner.tsv.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setenv("COLLAGE_DATA", str(tmp_path))
    return tmp_path


def test_tables_are_scikit_learns_and_those_of_the_folder(folder, monkeypatch):
    of_folder = [f"tables/corner/{model}" for model in tables.MODELS]
    assert set(of_folder) < set(tables.names())
    assert tables.possible(of_folder) == (of_folder, [])
    monkeypatch.delenv("COLLAGE_DATA")
    assert [name for name in tables.names() if "/gln" in name] == [
        f"tables/{own}/gln" for own in ("breast_cancer", "digits", "wine")
    ]
    assert tables.possible([])[1] == ["PMLB's tables are left out: COLLAGE_DATA=DIR names their folder"]


def test_a_line_has_the_means_over_splits(folder):
    lines = list(tables.lines(["tables/corner/naive_bayes", "tables/wine/naive_bayes"]))
    assert [line["name"] for line in lines] == ["tables/corner/naive_bayes", "tables/wine/naive_bayes"]
    splits = [tables._split("corner", seed) for seed in range(3)]
    errors = [np.mean(GaussianNB().fit(x, y).predict(x_test) != y_test) for x, y, x_test, y_test in splits]
    assert lines[0]["error"] == pytest.approx(np.mean(errors))
    assert not np.array_equal(splits[0][0], splits[1][0])
    assert [len(part) for part in splits[0]] == [60, 60, 20, 20]


def test_scores_by_their_plain_definitions(folder):
    x, y, x_test, y_test = tables._split("corner", 0)
    model = LogisticRegression().fit(x, y)
    p = [max(0.001, p[label]) for p, label in zip(model.predict_proba(x_test), y_test, strict=True)]
    scores = tables.measure(LogisticRegression(), x, y, x_test, y_test)
    assert scores == pytest.approx({"error": np.mean(model.predict(x_test) != y_test), "loss": -np.log(p).mean()})


def test_a_file_without_a_target_is_one_line(folder):
    (folder / "none.tsv.gz").write_bytes(gzip.compress(b"a\tb\n1\t2\n2\t3\n"))
    with pytest.raises(cli.UserError, match="no column 'target'"):
        list(tables.lines(["tables/none/gln"]))
