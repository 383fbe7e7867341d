"""Problem families of the bundled model, and the shares in which training and the held-out set mix them."""
