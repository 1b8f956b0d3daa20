"""Comparisons, and whether rounding could have decided one of them.

The engine and the reference add the same numbers in another order. Where two numbers are nearly equal, each may
be right, and a random test leaves that tape alone. Where they are equal, they are so for both as long as prices
are quarters of a point, whose sums are exact; the ratios of a composite are not.
"""

NEAR = 1e-9


class Judge:
    def __init__(self, *, exact: bool = True) -> None:
        self.exact = exact
        self.close_calls = 0

    def at_least(self, a: float, b: float) -> bool:
        """a >= b"""
        apart = abs(a - b)
        if apart < 1 and apart <= NEAR * max(1.0, abs(a), abs(b)) and not (self.exact and a == b):
            self.close_calls += 1
        return a >= b

    def over(self, a: float, b: float) -> bool:
        """a > b"""
        return not self.at_least(b, a)
