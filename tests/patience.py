"""How long tests wait for what must come: long enough for a busy machine, short enough to end a run that hangs."""

PATIENCE = 300
"""Seconds."""
