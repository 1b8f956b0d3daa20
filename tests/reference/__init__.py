"""Design §4 read a second time, in plain Python, apart from the engine: the oracle of the tests.

It knows the config's `Watch` and `alert_id`, and nothing else of the package; conditions it reads with a
parser of its own. Loops, lists and dicts only: each module is meant to be checked by eye against the words
of the design. Two passes over the tape:

1. `tape.walk`: which ticks are admitted, and which bars close when. No rule has a say in that.
2. `replay.reference_replay`: along what pass 1 wrote down, what everything is worth (`values.py`) and the rules
   that look at it (`levels.py`, `divergence.py`, `watching.py`).

Where two numbers are so near to each other that rounding may order them either way, `judge.py` says so.

Beside it stand what the tests compare it with: the program driven the same way (`program.py`), and random tapes and
conditions (`random_tapes.py`, `random_conditions.py`).
"""
