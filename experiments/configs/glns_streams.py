"""A GLN on streams that drift: test, then train, row by row in the order of time, with one setting for all streams.

    python -m launch.train --config=experiments/configs/glns_streams.py:sea --workdir=runs/glns_streams/sea
    python -m launch.train --config=experiments/configs/glns_streams.py:electricity \
        --workdir=runs/glns_streams/electricity --data_dir=DIR

DIR holds elec.csv, the electricity prices of New South Wales (Harries 1999): 45,312 rows, the last column `class`. The
other streams are drawn, see `experiments.data.drifting`. Nothing is tuned: see `glns.ROBUST`.

variant           GLN             random forest   Hoeffding tree  logistic regression
electricity       0.921 / 0.209   0.858 / 0.359   0.820 / 0.528   0.817 / 0.413
agrawal           0.915 / 0.201   0.879 / 0.355   0.801 / 0.424   0.742 / 0.428
agrawal_gradual   0.897 / 0.241   0.846 / 0.411   0.789 / 0.447   0.738 / 0.440
hyperplane        0.926 / 0.248   0.813 / 0.483   0.856 / 0.417   0.927 / 0.322
led               0.721 / 0.912   0.676 / 1.312   0.557 / 1.520   0.714 / 0.917
mixed             0.920 / 0.180   0.924 / 0.221   0.888 / 0.290   0.873 / 0.312
rbf               0.902 / 0.307   0.839 / 0.612   0.639 / 0.990   0.673 / 0.938
sea               0.887 / 0.351   0.879 / 0.377   0.848 / 0.429   0.885 / 0.430
smoke             4 steps of sea

Accuracy / log loss in nats of all rows, each predicted before it was learned, as `launch.bench --suite=streams`
measures them, seed 0; the models beside it are river's (adaptive forest of 10 trees, adaptive tree). BENCHMARKS.md
has kappa, speed and memory. A run of this file records them as `train/error` and `train/loss` for each eighth of the
stream and 3 seeds, and takes 25 seconds on a shared core, most of them compiling.
"""

from typing import Any

from ml_collections import ConfigDict

import glns

# The data of a stream, the number of its rows and of its classes.
_DRAWN = {"name": "drifting", "num_rows": 20_480, "width": 1, "seed": 0, "num_test": 1000}
_CSV = {"name": "csv", "train": "elec.csv", "test": "elec.csv", "target": "class", "standardise": False}
STREAMS: dict[str, tuple[dict[str, Any], int, int]] = {
    "electricity": (_CSV, 45_312, 2),
    "agrawal": (_DRAWN | {"stream": "agrawal"}, 20_480, 2),
    "agrawal_gradual": (_DRAWN | {"stream": "agrawal", "width": 2000}, 20_480, 2),
    "hyperplane": (_DRAWN | {"stream": "hyperplane"}, 20_480, 2),
    "led": (_DRAWN | {"stream": "led"}, 20_480, 10),
    "mixed": (_DRAWN | {"stream": "mixed", "width": 2000}, 20_480, 2),
    "rbf": (_DRAWN | {"stream": "rbf"}, 20_480, 4),
    "sea": (_DRAWN | {"stream": "sea"}, 20_480, 2),
}


def get_config(variant: str = "sea") -> ConfigDict:
    """The config of a stream."""
    if variant not in (*STREAMS, "smoke"):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*STREAMS, 'smoke'))}")
    data, num_rows, num_classes = STREAMS["sea" if variant == "smoke" else variant]
    batch_size = 32  # of rows that are learned one after the other: it changes the speed and nothing else
    num_steps = 4 if variant == "smoke" else num_rows // batch_size
    log_every = 2 if variant == "smoke" else num_steps // 8
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 3,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": num_steps,
            "log_metrics": ("train/error", "train/loss"),
            "data": data,
            "world": {"name": "in_order", "batch_size": batch_size},
            "learner": {"name": "glns", "num_classes": num_classes, **glns.ROBUST},
        }
    )


def sweep(add) -> None:
    """Every stream that is drawn."""
    for name in STREAMS:
        if name != "electricity":
            add(name)
