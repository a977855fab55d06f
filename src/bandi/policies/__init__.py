"""Policies: one small file each, over the array kernels of `_kernels.py`."""
