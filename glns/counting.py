"""The zero-redundancy estimator: the probability of a bit from how often it was 0 and 1 before, in each context.

P(a, b) of a zeros and b ones is 1/2 of the estimate of Krichevsky & Trofimov (1981), plus 1/4 if a = 0, plus 1/4 if
b = 0 (Willems & Tjalkens 1997, as in data compressors). So a bit that never changed is soon almost certain: after a
zeros, the odds of a one are about 1 / (√π a^1.5), where Krichevsky & Trofimov's are 1 / (2 a).

Written for ONE estimator. Letters: R contexts, T time.
"""

import math

import jax
import jax.numpy as jnp


def predict(counts: jax.Array, context: jax.Array) -> jax.Array:
    """The logit of a one under a context. counts [R, 2] int32, of zeros and of ones; context [] -> logit []."""
    return _logit(counts[context])


def learn(counts: jax.Array, contexts: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Counts a stream, exactly online: logit t is predicted from the examples 0 .. t - 1.

    counts [R, 2] int32, contexts [T], targets [T] of 0 and 1 -> counts, logits [T].
    """

    def step(counts, example):
        context, target = example
        counts = counts.at[context, target].add(1)
        # Read after the write: XLA then writes in place and copies no table.
        return counts, counts[context] - jax.nn.one_hot(target, 2, dtype=jnp.int32)

    counts, before = jax.lax.scan(step, counts, (contexts, targets.astype(jnp.int32)))
    return counts, _logit(before)


def _logit(counts: jax.Array) -> jax.Array:
    """log P(a, b + 1) - log P(a + 1, b), both multiplied by 2 (n + 1), n = a + b. counts [.., 2] -> [..].

    Once both zeros and ones were seen, the quarters vanish and this is log (b + 1/2) / (a + 1/2).
    """
    a, b = counts[..., 0], counts[..., 1]
    same, alone = _all_the_same(a + b), (a + b + 1) / 2
    one = same * (b + 0.5) + jnp.where(a == 0, alone, 0.0)
    zero = same * (a + 0.5) + jnp.where(b == 0, alone, 0.0)
    return jnp.log(one) - jnp.log(zero)


def _all_the_same(n: jax.Array) -> jax.Array:
    """Krichevsky & Trofimov's probability of n equal bits, Γ(n + 1/2) / (√π Γ(n + 1)). n [..] -> [..].

    Computed by the series of (Γ(m + 1) / Γ(m + 1/2))² at m = n + 4, and from there to n by the recursion: a difference
    of two log-gammas would have no correct digit in float32 at n = 60,000.
    """
    m = n + 4.0
    ratio = math.prod((n + i + 1.0) / (n + i + 0.5) for i in range(4))
    return ratio / jnp.sqrt(math.pi * (m + 0.25 + 1 / (32 * m + 8)))
