"""Commands that have commands of their own, or many options; `cli.py` mounts them."""
