"""Genomes as texts: what is written is read again, number by number, and anything else is refused in one line."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur.genome import Age, Norm, Size
from blur.rule import Rule

NOTE = {"command": "python -m nothing"}


def everything(seed=0, num_states=3):
    """A genome that has every option."""
    genome = blur.random_genome(jax.random.key(seed), num_states)
    norm = Norm(jnp.linspace(0, 0.1, num_states), jnp.full(num_states, 1 / 3))
    neuron = genome.neuron._replace(forward_norm=norm, backward_norm=norm)
    synapse = genome.synapse._replace(oja=jnp.array(1e-7), saturation=jnp.array(3.0), rescale=jnp.array(-0.7))
    age, size = Age(jnp.array(3.1), jnp.array(0.7)), Size(jnp.array(0.3), jnp.array(-0.2))
    synapse = synapse._replace(
        age=age, size=size, momentum=jnp.array(0.9), squares=jnp.array(0.99), last=jnp.array(0.3)
    )
    return blur.Genome(neuron, synapse, genome.synapse)


GENOMES = {
    "everything": everything(),
    "plain": blur.random_genome(jax.random.key(1), 2),
    "layers": (everything(), blur.random_genome(jax.random.key(2), 3)),
}


@pytest.mark.parametrize("genome", GENOMES.values(), ids=GENOMES)
def test_what_is_written_is_read_to_the_bit(genome):
    rule = Rule(activation="relu_tanh", symmetric=True, synapse_norm="read")
    of_genome, of_rule, note = blur.serialize.loads(blur.serialize.dumps(genome, rule, NOTE))
    chex.assert_trees_all_equal(of_genome, genome)
    chex.assert_trees_all_equal_structs(of_genome, genome)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(of_genome))
    assert (of_rule, note) == (rule, NOTE)


def test_extreme_numbers_are_read_to_the_bit():
    genome = blur.backprop_genome(0.1)
    for number in (1e-45, 3.4028235e38, -1.1754944e-38, 0.1, 16777217.0):
        gate = jnp.array(number, jnp.float32)
        text = blur.serialize.dumps(genome._replace(neuron=genome.neuron._replace(keep=gate)), Rule(), NOTE)
        assert np.float32(blur.serialize.loads(text)[0].neuron.keep).tobytes() == np.float32(number).tobytes()


def test_a_row_of_a_matrix_is_a_line():
    lines = blur.serialize.dumps(blur.backprop_genome(0.1), Rule(), NOTE).splitlines()
    assert "    [ 1.0, 0.0 ]," in lines
    assert '   "update": -0.1,' in lines


def test_what_is_missing_has_its_default():
    content = json.loads(blur.serialize.dumps(blur.backprop_genome(0.1), Rule(symmetric=True), NOTE))
    content["rule"], content["version"] = {"symmetric": True}, 1
    del content["genome"]["neuron"]["forward_norm"], content["genome"]["forward_synapse"]
    genome, rule, _ = blur.serialize.loads(json.dumps(content))
    chex.assert_trees_all_equal(genome, blur.backprop_genome(0.1))
    assert rule == Rule(symmetric=True)


def test_an_activation_of_ones_own_is_named():
    rule = Rule(activation="jax.nn:gelu")
    _, got, _ = blur.serialize.loads(blur.serialize.dumps(GENOMES["plain"], rule, NOTE))
    assert blur.rule.resolve(blur.rule.ACTIVATIONS, got.activation) is jax.nn.gelu


def test_the_first_version_is_read():
    content = json.loads(blur.serialize.dumps(GENOMES["plain"], Rule(), NOTE))
    content["version"] = 1
    for name in ("age", "momentum", "squares", "last", "scale", "size"):
        del content["genome"]["synapse"][name]
    for name in ("change_norm", "normalise_inputs", "normalise_last"):
        del content["rule"][name]
    genome, rule, _ = blur.serialize.loads(json.dumps(content))
    chex.assert_trees_all_equal(genome, GENOMES["plain"])
    assert rule == Rule()


def set_to(value, *path):
    def change(content):
        *parents, last = path
        for name in parents:
            content = content[name]
        content[last] = value

    return change


def remove(*path):
    def change(content):
        *parents, last = path
        for name in parents:
            content = content[name]
        del content[last]

    return change


DAMAGES = {
    "another format": (set_to("weights", "format"), 'not a genome: it has no "format": "blur genome"'),
    "another version": (set_to(3, "version"), "a genome of version 3; this program reads versions 1 and 2"),
    "no rule": (remove("rule"), "the text lacks rule"),
    "more": (set_to(1, "extra"), "the text has the unknown field extra"),
    "no gate": (remove("genome", "synapse", "keep"), "genome.synapse lacks keep"),
    "no neuron": (set_to(3, "genome", "neuron"), "genome.neuron must have the fields forward, backward, "),
    "a norm": (set_to([1.0], "genome", "neuron", "forward_norm"), "genome.neuron.forward_norm must have the fields"),
    "unknown gene": (set_to(1.0, "genome", "neuron", "gate"), "genome.neuron has the unknown field gate"),
    "shape": (set_to([1.0, 2.0], "genome", "synapse", "pre"), "genome.synapse.pre must be 2 x 2 numbers"),
    "ragged": (set_to([[1.0], [2.0, 3.0]], "genome", "synapse", "pre"), "genome.synapse.pre must be 2 x 2 numbers"),
    "words": (set_to("much", "genome", "neuron", "keep"), "genome.neuron.keep must be a number"),
    "no number": (set_to(None, "genome", "neuron", "keep"), "genome.neuron.keep must be a number"),
    "one state": (set_to([[1.0]], "genome", "neuron", "forward"), "forward must be a matrix of at least 2 states"),
    "no layers": (set_to([], "genome"), "a genome must be a blur.Genome, or a tuple of one for each layer"),
    "infinite": (
        set_to(float("inf"), "genome", "neuron", "keep"),
        "genome.neuron.keep has a number that is not finite",
    ),
    "too large": (set_to(1e39, "genome", "neuron", "keep"), "neuron.keep has a number that is not finite"),
    "no activation": (set_to("gelu", "rule", "activation"), "activation must be one of linear, .*; got 'gelu'"),
    "not a name": (set_to(True, "rule", "activation"), "rule.activation must be a name"),
    "not a flag": (set_to("yes", "rule", "symmetric"), "rule.symmetric must be true or false"),
    "unknown option": (set_to(True, "rule", "magic"), "rule has the unknown field magic"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_text(name):
    change, message = DAMAGES[name]
    content = json.loads(blur.serialize.dumps(blur.backprop_genome(0.1), Rule(), NOTE))
    change(content)
    with pytest.raises(ValueError, match=message):
        blur.serialize.loads(json.dumps(content))


def test_a_text_cut_short():
    text = blur.serialize.dumps(blur.backprop_genome(0.1), Rule(), NOTE)
    with pytest.raises(ValueError, match="not a whole JSON text"):
        blur.serialize.loads(text[:-20])


def test_what_cannot_be_written():
    genome = jax.tree.map(lambda gene: gene * jnp.nan, blur.backprop_genome(0.1))
    with pytest.raises(ValueError, match="the genome has a number that is not finite"):
        blur.serialize.dumps(genome, Rule(), NOTE)
    with pytest.raises(ValueError, match=r"a genome must be a blur\.Genome"):
        blur.serialize.dumps({"neuron": 1}, Rule(), NOTE)
    plain = blur.backprop_genome(0.1)
    uneven = plain._replace(synapse=plain.synapse._replace(pre=jnp.eye(3)))
    with pytest.raises(ValueError, match=r"the gene synapse\.pre must have the shape \(2, 2\)"):
        blur.serialize.dumps(uneven, Rule(), NOTE)
    with pytest.raises(ValueError, match=r"activation must be one of linear, .*; got 'nope'"):
        blur.serialize.dumps(blur.backprop_genome(0.1), Rule(activation="nope"), NOTE)
    with pytest.raises(ValueError, match="names what its rule does, but activation is a function"):
        blur.serialize.dumps(blur.backprop_genome(0.1), Rule(activation=jnp.tanh), NOTE)


@pytest.mark.parametrize("text", ["a  [x   y]  b", "[1   2]"])
def test_a_note_is_read_as_it_was_written(text):
    assert blur.serialize.loads(blur.serialize.dumps(GENOMES["plain"], Rule(), {"note": text}))[2] == {"note": text}
