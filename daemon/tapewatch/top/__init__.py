"""`tapewatch top`: the live page in small, in a terminal; a client of the daemon's own HTTP."""
