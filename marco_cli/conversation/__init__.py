"""A conversation with a model: its turns, what of them is told to the model again, its commands, its files."""
