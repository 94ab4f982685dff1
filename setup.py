"""Packaging of collage. Only the four papers' packages are installed; experiments and launch run from the checkout."""

from pathlib import Path

from setuptools import find_packages, setup

PAPERS = ("glns", "blur", "self_play", "bootstrap")

setup(
    name="collage",
    version="0.1.0",
    description="Four learning rules from four papers, in one functional JAX codebase",
    long_description=Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[f"{paper}{sub}" for paper in PAPERS for sub in ("", ".*")]),
    install_requires=[
        "absl-py>=2",
        "chex>=0.1.90",
        "flax>=0.12",
        "jax>=0.10,<0.12",
        "matplotlib>=3.9",
        "ml_collections>=1.1",
        "numpy>=2",
        "optax>=0.2.5",
        "orbax-checkpoint>=0.11.30",
        "scikit-learn>=1.5",
        "tensorboardX>=2.6.4",
    ],
    extras_require={
        "cuda13": ["jax[cuda13]>=0.10,<0.12"],
        "tpu": ["jax[tpu]>=0.10,<0.12"],
        "dev": ["import-linter>=2.3", "pyrefly>=1", "pytest>=8", "pytest-xdist>=3.6", "ruff>=0.12"],
    },
)
