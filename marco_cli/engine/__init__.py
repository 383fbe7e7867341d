"""Engines: token ids in, scored tokens out.

Importing anything from here sets how long llama.cpp's threads spin while they wait; see `waiting`.
"""

import os

from marco_cli.engine.waiting import set_short_spins

set_short_spins(os.environ)
