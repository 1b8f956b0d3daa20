"""`tapewatch init`: a watch from five answers: what, where from, with which past, at which levels, to whom."""
