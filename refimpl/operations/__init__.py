"""The engine's operations, as entries of the specification.

What has a derivative that can be got wrong: kinks and ties, ends of domains, infinities, zeros in
products, axes and broadcasting, linear algebra. Each function is the engine's own, on arrays of any
library that it knows; nothing is validated beyond what that library does. The modules are the
families: `arithmetic`, `exponential`, `trigonometric`, `special`, `reductions`, `scans`, `order`,
`shapes`, `linear_algebra`.

The formula of each one says by what, dy, its result changes when its inputs change by dx. At a kink
the derivative is the subgradient of least norm of a convex function (0 for |x| at 0, 1/2 for each
side of a tie), and the limit where there is only one (infinity for sqrt at 0); cases with the flag
`convention` ask for exactly that. `refimpl check jax_numpy`, `hips_autograd` and `torch_functions`
show where other libraries choose otherwise.

>>> import numpy as np
>>> from refimpl.autograd import grad
>>> from refimpl.operations import arithmetic
>>> float(grad(arithmetic.abs)(np.array(0.0)))
0.0
"""
