"""The data sets of `marco eval`, one a file."""
