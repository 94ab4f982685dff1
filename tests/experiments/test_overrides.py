"""Cells and stages: overrides, and the numbers in which cells differ."""

import numpy as np
import pytest

import bootstrap
from experiments import grid

BASE = {"seed": 0, "world": {"n": 10, "name": "real", "inner": {"rate": 0.1}}, "data": {"size": 3}}


def test_overrides_take_the_place_of_what_they_name():
    merged = grid.merged(BASE, {"world": {"n": 20, "inner": {"rate": 0.2}}}, "cells.a")
    assert merged == {"seed": 0, "world": {"n": 20, "name": "real", "inner": {"rate": 0.2}}, "data": {"size": 3}}
    assert BASE["world"]["inner"] == {"rate": 0.1}


def test_an_override_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"cells\.a\.world\.m: the config has no such key; there are n, name, inner"):
        grid.merged(BASE, {"world": {"m": 20}}, "cells.a")


def cells(*overrides):
    return {str(i): grid.merged(BASE, override, f"cells.{i}") for i, override in enumerate(overrides)}


def test_what_differs_is_found_and_put_in_place():
    numbers = grid.varying(cells({}, {"world": {"n": 20}}, {"world": {"inner": {"rate": 1}}}))
    assert numbers.keys() == {"world.n", "world.inner.rate"}
    np.testing.assert_array_equal(numbers["world.n"], np.array([10, 20, 10], np.int32), strict=True)
    np.testing.assert_array_equal(numbers["world.inner.rate"], np.array([0.1, 0.1, 1], np.float32), strict=True)
    placed = grid.with_values(BASE, {"world.n": "N", "world.inner.rate": "R"})
    assert placed == {"seed": 0, "world": {"n": "N", "name": "real", "inner": {"rate": "R"}}, "data": {"size": 3}}


def test_the_largest_number_of_samples_fits():
    numbers = grid.varying(cells({}, {"world": {"n": bootstrap.UNLIMITED}}))
    np.testing.assert_array_equal(numbers["world.n"], np.array([10, 2**32 - 1], np.uint32), strict=True)


def test_equal_cells_differ_in_nothing():
    assert grid.varying(cells({}, {})) == {}


@pytest.mark.parametrize(
    "override", [{"world": {"name": "ideal"}}, {"data": {"size": 4}}, {"seed": 1}, {"world": {"inner": 3}}]
)
def test_cells_that_differ_otherwise_are_refused(override):
    with pytest.raises(ValueError, match="cells may differ in numbers below world, learner, baselines"):
        grid.varying(cells({}, override))
