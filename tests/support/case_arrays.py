"""Arrays of a case as its file holds them: of every kind, a scalar and an empty one too."""

import numpy as np

ARRAYS = {
    "in_x": np.linspace(-1, 1, 6).reshape(2, 3),
    "param_name": np.frombuffer(b"cauchy", np.uint8),
    "param_hard": np.array(True),
    "out_P": np.arange(4, dtype=np.float32),
    "grad_x": np.zeros((0, 3)),
}
