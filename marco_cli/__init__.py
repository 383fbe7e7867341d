"""Tree search over the reasoning of Marco-o1 and other GGUF models, offline, on llama.cpp."""

__version__ = "0.1.0"
