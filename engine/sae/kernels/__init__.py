"""What is done with the few active features of each vector, as fast as the device can.

One set of functions (`protocol.Kernels`), three times: `reference` in plain PyTorch, for any device
and dtype; `cpu` in Numba; `cuda` in Triton. `kernels_for` gives the module for a tensor. Tests hold
each of them to dense formulas.
"""
