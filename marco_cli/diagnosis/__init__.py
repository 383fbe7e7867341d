"""What `marco doctor` looks at: `checks` lists the checks, each says what it found and how to repair it."""
