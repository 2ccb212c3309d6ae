"""A program that makes socket calls when it is told to: see calls/obey.py. What is there is compiled already."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from calls import obey  # noqa: E402

obey.begin()
