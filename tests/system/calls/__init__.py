"""Socket calls of all kinds, which caller.py makes when it is told to: `MODULE.FUNCTION`.

They raise OSError as Python does, and the caller says with which errno.
"""
