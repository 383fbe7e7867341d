"""The bundled demo model: `marco-nano.gguf`, its model card and its held-out problems, as package data."""
