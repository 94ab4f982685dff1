"""Packaging of collage. Only the four papers' packages are installed; experiments and launch run from the checkout."""

from pathlib import Path

import jaxlib
from setuptools import Extension, find_packages, setup

PAPERS = ("glns", "blur", "self_play", "bootstrap")

# The fast form of the Bernoulli neuron on a CPU. Without a C++ compiler the installation goes on, and so does glns.
NATIVE = Extension(
    "glns._native",
    ["glns/native.cc"],
    depends=["glns/walk.h"],
    include_dirs=[str(Path(jaxlib.__file__).with_name("include"))],
    extra_compile_args=["-std=c++17", "-O3", "-fno-math-errno", "-g0", "-Wno-psabi"],
    language="c++",
    optional=True,
)
# The density model that shares one network over all pixels. It has no other form.
SHARED_DENSITY = Extension(
    "glns._shared_density",
    ["glns/shared_density_native/module.cc"],
    depends=[str(path) for path in sorted(Path("glns/shared_density_native").glob("*.h"))],
    include_dirs=NATIVE.include_dirs,
    extra_compile_args=NATIVE.extra_compile_args,
    language="c++",
    optional=True,
)

setup(
    name="collage",
    version="0.1.0",
    description="Four learning rules from four papers, in one functional JAX codebase",
    long_description=Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[f"{paper}{sub}" for paper in PAPERS for sub in ("", ".*")]),
    package_data={"blur": ["genomes/*.json"]},
    ext_modules=[NATIVE, SHARED_DENSITY],
    install_requires=[
        "absl-py>=2",
        "brax>=0.14",
        "chex>=0.1.90",
        "evosax>=0.3.2",
        "flax>=0.12",
        "jax>=0.10,<0.12",
        "matplotlib>=3.9",
        "ml_collections>=1.1",
        "mujoco>=4",
        "mujoco-mjx>=3.17",
        "numpy>=2",
        "optax>=0.2.5",
        "orbax-checkpoint>=0.11.30",
        "scikit-learn>=1.6",
        "tensorboardX>=2.6.4",
    ],
    extras_require={
        "cuda13": ["jax[cuda13]>=0.10,<0.12"],
        "tpu": ["jax[tpu]>=0.10,<0.12"],
        "dev": [
            "hypothesis>=6.150",
            "import-linter>=2.3",
            "pyrefly>=1",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.12",
        ],
    },
)
