"""The command line: one command a file; `app` mounts them and turns errors into exit codes."""
