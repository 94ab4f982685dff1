"""A GLN on streams that drift: test, then train, row by row in the order of time, with one setting for all streams.

    python -m launch.train --config=experiments/configs/glns_streams.py:sea --workdir=runs/glns_streams/sea
    python -m launch.train --config=experiments/configs/glns_streams.py:electricity \
        --workdir=runs/glns_streams/electricity --data_dir=DIR

DIR holds elec.csv, the electricity prices of New South Wales (Harries 1999): 45,312 rows, the last column `class`. The
other streams are drawn, see `experiments.data.drifting`. Nothing is tuned: see `glns.ROBUST`.

TABLE
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
            "checkpoint_every": num_steps,
            "log_metrics": ("train/error", "train/loss"),
            "data": data,
            "world": {"name": "paired", "batch_size": batch_size, "num_samples": num_rows},
            "learner": {"name": "glns", "num_classes": num_classes, **glns.ROBUST},
        }
    )


def sweep(add) -> None:
    """Every stream that is drawn."""
    for name in STREAMS:
        if name != "electricity":
            add(name)
