"""Design §4 read a second time, in plain Python, apart from the engine: the oracle of the tests.

It knows the config's `Watch` and `alert_id`, and nothing else of the package. Loops, lists and dicts only:
each module is meant to be checked by eye against the words of the design. Two passes over the tape:

1. `tape.walk`: which ticks are admitted, and which bars close when. No rule has a say in that.
2. `replay.reference_replay`: indicators of all closed bars at once, then the rules along what pass 1
   wrote down.
"""
