"""Functions whose derivatives the tests of `check_grads` know or get wrong on purpose."""

import numpy as np

from refimpl.autograd import array_namespace, vector_norm

W, X = np.random.default_rng(5).normal(size=(2, 4, 4))


def waves(x):
    return array_namespace(x).sum(array_namespace(x).sin(x) * W)


def waves_gradient(x):
    return np.cos(x) * W


def softmax(x):
    xp = array_namespace(x)
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True)


def network(params, x):
    xp = array_namespace(x)
    hidden = xp.tanh(x @ params["in"]["w"] + params["in"]["b"])
    return {"y": hidden @ params["out"], "norms": vector_norm(hidden, axis=-1), "batch": x.shape[0]}


def network_arguments(dtype=np.float64, width=3):
    rng = np.random.default_rng(6)
    inner = {"w": rng.normal(size=(2, width)).astype(dtype), "b": np.ones(width, dtype)}
    out = rng.normal(size=(width, 2)).astype(dtype)
    return {"in": inner, "out": out}, rng.normal(size=(5, 2)).astype(dtype)


def only(report):
    (finding,) = report.findings
    return finding
