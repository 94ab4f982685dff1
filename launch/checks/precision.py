"""How exact the device's products are, and how fast."""

import importlib.metadata
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from launch.suites.benchmark import Program, rate

_PRECISIONS = {"default": None, "highest": "highest"}


def precision(small: bool) -> Iterator[tuple[str, float | str, str]]:
    """Versions; the error and the rate of a product at default and at highest precision; the rate of memory."""
    device = jax.devices()[0]
    yield "device", f"{jax.device_count()} x {device.device_kind} ({device.platform})", ""
    for package in ("jax", "jaxlib"):
        yield package, importlib.metadata.version(package), ""
    yield "platform", device.client.platform_version.split("\n")[0], ""
    a, b = (jax.random.normal(key, (512, 512)) for key in jax.random.split(jax.random.key(0)))
    exact = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    for name, chosen in _PRECISIONS.items():
        product = jax.jit(lambda a, b, chosen=chosen: jnp.matmul(a, b, precision=chosen))(a, b)
        yield (
            f"product/{name}/error",
            float(np.abs(np.asarray(product) - exact).max() / np.abs(exact).max()),
            "of the greatest",
        )
    size = 1024 if small else 8192
    for dtype in (jnp.float32, jnp.bfloat16):
        matrix = jax.random.normal(jax.random.key(0), (size, size), dtype)
        for name, chosen in _PRECISIONS.items():
            step = jax.jit(lambda pair, chosen=chosen: (pair[0], jnp.matmul(*pair, precision=chosen)))
            program = Program(step, (matrix, matrix), 2 * size**3)
            yield f"product/{name}/{jnp.dtype(dtype).name}", rate(program, 0.5) / 1e12, "TFLOP/s"
    array = jnp.ones(2 ** (22 if small else 28))
    rewrite = Program(jax.jit(jnp.negative, donate_argnums=0), array, 2 * array.nbytes)
    yield "memory", rate(rewrite, 0.5) / 1e9, "GB/s"
