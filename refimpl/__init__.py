"""refimpl: an executable specification of differentiable algorithms.

Every method is written once in plain array code, differentiable by the engine `refimpl.autograd`,
and runs on NumPy and CuPy unchanged. `refimpl.spec` lists the methods; `refimpl check` tests
implementations against them.
"""

__version__ = "0.1.0"
