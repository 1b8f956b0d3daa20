"""`tapewatch demo`: the whole product at work on a simulated tape."""
