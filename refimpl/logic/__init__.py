"""Differentiable logic gate networks: training, discretisation, bit-packed inference, circuits.

A network is layers of two-input gates with fixed wiring. In training every gate is a mixture of the
sixteen Boolean functions, extended to real numbers; afterwards each keeps its most probable one,
and what is left is a Boolean circuit.

Read `gates`, `layers` and `network` first. `netlist` is the circuit, `inference` evaluates it on 64
samples per machine word.
"""
