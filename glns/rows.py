"""The rows of a neuron's table that its contexts select, the same for every implementation of a neuron.

A context comes from any `Gate`, so it may be no row of the table, 0 .. R - 1. Then there is nothing to predict by: the
output is NaN, which a run notices, and nothing is learned from the example.

Letters: R contexts.
"""

import jax
import jax.numpy as jnp


def check(contexts: jax.Array, num_contexts: int) -> jax.Array:
    """Contexts of any integer type -> int32, -1 for what is no row of `num_contexts`. Raises TypeError for others."""
    contexts = jnp.asarray(contexts)
    if not jnp.issubdtype(contexts.dtype, jnp.integer):
        raise TypeError(f"contexts must be integers, got {contexts.dtype}")
    contexts = contexts.astype(int)
    return jnp.where((contexts >= 0) & (contexts < num_contexts), contexts, -1).astype(jnp.int32)


def select(table: jax.Array, contexts: jax.Array) -> jax.Array:
    """The rows of a table [R, ..] that checked contexts select; NaN for -1."""
    return table.at[contexts].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def replace(table: jax.Array, context: jax.Array, row: jax.Array) -> jax.Array:
    """The table with another row for a checked context; the same table for -1."""
    return table.at[context].set(row, mode="drop", wrap_negative_indices=False)


def add(table: jax.Array, contexts: jax.Array, changes: jax.Array) -> jax.Array:
    """The table [R, ..] with changes [T, ..] added to the rows that checked contexts [T] select; none for -1."""
    return table.at[contexts].add(changes, mode="drop", wrap_negative_indices=False)
