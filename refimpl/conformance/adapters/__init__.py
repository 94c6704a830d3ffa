"""Published libraries as targets of `refimpl check NAME`: one module per library.

A module defines `missing()`, which says why the library cannot be tested (or None), and functions
marked @implements. It imports the library only inside of them.
"""
