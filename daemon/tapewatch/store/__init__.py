"""Redis: which one, its keys, the atomic commit, and reading it back."""
