"""The parts of `check_grads`, which is in `numerics`; in reading order:

frameworks    who differentiates: this engine, PyTorch, JAX
subject       the function at a point, with its derivatives, as a function of host arrays
reference     what differences say about it
locate        where a gradient that is wrong along some direction is wrong
examination   what one run of the checks shares
properties    checks that need no differences: adjoint identity, linearity, repeatability, ...
first         gradients and derivatives along tangents
second        derivatives of gradients
report        what comes out
"""
