"""Differentiable rendering of triangle meshes: GenDR, with SoftRas and DIB-R as settings of it."""
