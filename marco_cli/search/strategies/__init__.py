"""The ways to search, one file each; `STRATEGIES` in `marco_cli.search` names them."""
