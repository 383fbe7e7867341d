"""The recipe of the bundled model: problems, tokenizer, network, optimiser, training, export, evaluation."""
