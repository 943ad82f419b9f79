"""What is done with the few active features of each vector, as fast as the device can.

One set of functions in several files: `reference` in plain PyTorch, for any device and dtype; `cpu`
in Numba. `kernels_for` gives the module for a tensor. Tests hold each against the reference, and
the reference against dense formulas.
"""
