"""Engines: token ids in, scored tokens out."""
