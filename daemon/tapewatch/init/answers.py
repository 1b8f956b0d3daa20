"""What was answered, as data: what `text` writes."""

from dataclasses import dataclass
from typing import Literal

from tapewatch.init.proposals import Proposal
from tapewatch.init.symbols import Symbol

SIMULATOR = "simulator"
"""What is answered for a vendor by who wants to try it out first."""
SIMULATED = "SPX"
"""The symbol that the simulator plays."""
SIMULATED_FOLDER = "simulated"
"""Beside the config: what the simulation keeps, apart from anything real."""
FEED = "tape"
"""What the watch calls its feed."""


@dataclass(frozen=True)
class Secret:
    """A key, password or URL with a token in it: where it stands, or is to be put."""

    key: str
    """Of the config, without `_file`: `key`, `url`, `password` and so on."""
    variable: str
    """The environment variable that may hold it."""
    file: str
    """The file that may hold it, beside the config."""
    place: Literal["environment", "file", "nowhere"]
    typed: str | None = None
    """What is to be written into the file; None: nothing."""

    def __repr__(self) -> str:
        return f"Secret({self.key}, {self.place})"


@dataclass(frozen=True)
class Past:
    """Where bars of the past are."""

    kind: Literal["vendor", "files", "simulated", "none"]
    files: tuple[str, ...] = ()
    """As the config is to name them."""


@dataclass(frozen=True)
class To:
    """A receiver: its name, its kind, and what else its table says."""

    name: str
    kind: str
    keys: tuple[tuple[str, str | int | tuple[str, ...]], ...] = ()
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class Answers:
    """The five."""

    symbol: Symbol
    vendor: str
    """Or `SIMULATOR`."""
    secrets: tuple[Secret, ...]
    """The vendor's."""
    past: Past
    rules: tuple[Proposal, ...]
    receivers: tuple[To, ...]
    price: float | None = None
    """The last close; None: unknown."""

    @property
    def instance(self) -> str:
        """`btc-usd`."""
        return self.symbol.symbol.replace("/", "-").replace(":", "").lower()

    def all_secrets(self) -> list[Secret]:
        """The vendor's and the receivers'."""
        return [*self.secrets, *(own for receiver in self.receivers for own in receiver.secrets)]
