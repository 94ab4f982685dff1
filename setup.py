"""Packaging of collage. Only the four papers' packages are installed; experiments and launch run from the checkout."""

from importlib.util import find_spec
from pathlib import Path

import jaxlib
from setuptools import Extension, find_packages, setup

PAPERS = ("glns", "blur", "self_play", "bootstrap")

HERE = Path(__file__).parent


def native(module: str, source: str, *, include_dirs: tuple = (), **settings) -> Extension:
    """A native kernel for CPUs. Without a C++ compiler the installation goes on, and so does its package."""
    return Extension(
        module,
        [source],
        include_dirs=[str(HERE), str(Path(jaxlib.__file__).with_name("include")), *map(str, include_dirs)],
        extra_compile_args=["-std=c++17", "-O3", "-fno-math-errno", "-g0", "-Wno-psabi"],
        language="c++",
        optional=True,
        **settings,
    )


def kernels() -> list[Extension]:
    """The Bernoulli neuron, the shared density, the inner run, and C MuJoCo where its package, with headers, is."""
    density, unroll = "glns/shared_density_native", "blur/unroll_native"

    def headers(folder):
        return [str(path) for path in HERE.glob(f"{folder}/*.h")]

    shared = headers("native")
    made = [
        native("glns._native", "glns/native.cc", depends=["glns/neurons.h", "glns/walk.h", *shared]),
        native("glns._shared_density", f"{density}/module.cc", depends=[*headers(density), *shared]),
        native("blur._unroll", f"{unroll}/module.cc", depends=[*headers(unroll), *shared]),
    ]
    mujoco = find_spec("mujoco")
    folder = Path(mujoco.origin).parent if mujoco and mujoco.origin else HERE
    for library in sorted(folder.glob("libmujoco.*"))[:1]:  # found again by its name: Python has loaded it by then
        made.append(
            native(
                "self_play._physics",
                "self_play/physics.cc",
                depends=shared,
                include_dirs=(folder / "include",),
                extra_objects=[str(library)],
            )
        )
    return made


setup(
    name="collage",
    version="0.1.0",
    description="Four learning rules from four papers, in one functional JAX codebase",
    long_description=Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[f"{paper}{sub}" for paper in PAPERS for sub in ("", ".*")]),
    package_data={"blur": ["genomes/*.json"], "self_play": ["player.html", "players/*.npz", "players/*.jsonl"]},
    ext_modules=kernels(),
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
        "pillow>=10",
        "scikit-learn>=1.6",
        "tensorboardX>=2.6.4",
    ],
    extras_require={
        "cuda13": ["jax[cuda13]>=0.10,<0.12"],
        "tpu": ["jax[tpu]>=0.10,<0.12"],
        "river": ["river>=0.26"],
        "gym": ["gymnasium>=1.1"],
        "warp": ["mujoco-mjx[warp]>=3.17"],
        "wandb": ["wandb>=0.20"],
        "dev": [
            "gymnasium>=1.1",
            "hypothesis>=6.150",
            "import-linter>=2.3",
            "ipykernel>=6.29",
            "jupytext>=1.16",
            "nbconvert>=7.16",
            "pyrefly>=1",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "river>=0.26",
            "ruff>=0.12",
        ],
    },
)
