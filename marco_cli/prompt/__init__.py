"""From a question to token ids: messages (`base`) through the model's chat template (`template`), which runs in a child process."""
