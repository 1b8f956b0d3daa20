"""The five questions."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tapewatch.alerts.numbers import price, written
from tapewatch.feeds.files import FileError
from tapewatch.feeds.history import HistoryUnavailableError
from tapewatch.feeds.protocol import Credentials
from tapewatch.init import hidden, past, receivers
from tapewatch.init.answers import FEED, SIMULATED, SIMULATED_FOLDER, SIMULATOR, Answers, Past, Secret, To
from tapewatch.init.dialogue import Dialogue, WrongAnswerError, numbers, one_of, some_of
from tapewatch.init.proposals import Days, Proposal, is_near, of_price, propose
from tapewatch.init.symbols import Symbol, UnknownSymbolError, read
from tapewatch.init.vendors import VENDORS
from tapewatch.market.sessions import sessions
from tapewatch.runner import say
from tapewatch.values import Price

_PRICE: TypeAdapter[float] = TypeAdapter(Price)
_WITH_COMMAS = re.compile(r"@\d{1,3}(,\d{3})+(?!\d)")


@dataclass(frozen=True)
class Given:
    """What options answer beforehand; None: they do not."""

    symbol: str | None = None
    vendor: str | None = None
    history: str | None = None
    levels: str | None = None
    receiver: str | None = None
    channel: str | None = None
    to: str | None = None
    smtp: str | None = None


class Questions:
    """Asks them.

    Args:
        dialogue: with whom.
        given: what need not be asked.
        folder: of the config to be.
    """

    def __init__(self, dialogue: Dialogue, given: Given, folder: Path) -> None:
        self._dialogue = dialogue
        self._given = given
        self._folder = folder

    def answers(self) -> Answers:
        """All of them.

        Raises:
            WrongCommandError: an option's answer cannot be, or nobody is there to ask.
        """
        symbol = self._symbol()
        vendor, own = self._vendor(symbol)
        found = Answers(symbol, vendor, own, Past("none"), (), ())
        bars, days = self._past(found)
        found = replace(found, past=bars, price=days.price if days and len(days) else None)
        found = replace(found, rules=tuple(self._rules(found, days)))
        return replace(found, receivers=tuple(self._receivers()))

    def _symbol(self) -> Symbol:
        self._dialogue.title(1, "What do you want to watch?")
        self._dialogue.tell(
            "  An index (SPX, NDX), a stock or fund (AAPL, SPY), a coin (BTC/USD), or a ratio (XLC/SPY)."
        )
        return self._dialogue.ask("Symbol", "--symbol", self._given.symbol, SIMULATED, _symbol)

    def _vendor(self, symbol: Symbol) -> tuple[str, tuple[Secret, ...]]:
        names = list(symbol.vendors)
        rows = [(name, f"{VENDORS[name].title}: {VENDORS[name].costs}") for name in names]
        if symbol.symbol == SIMULATED:
            names.append(SIMULATOR)
            rows.append((SIMULATOR, "a made-up market on this machine, to try things out"))
        self._dialogue.title(2, f"Where do ticks of {symbol.symbol} come from?")
        self._dialogue.choices(rows)
        vendor = self._dialogue.ask(
            "Number or name",
            "--vendor",
            self._given.vendor,
            names[0],
            lambda own: _vendor(own, names, symbol),
        )
        needs = () if vendor == SIMULATOR else VENDORS[vendor].needs
        return vendor, tuple(
            self._secret(
                "feed", FEED, key, f"{vendor}.{key}", f"{VENDORS[vendor].title.split(',')[0]}'s {key}"
            )
            for key in needs
        )

    def _secret(
        self, section: str, name: str, key: str, file: str, what: str, *, any_scheme: bool = False
    ) -> Secret:
        """Where it is; if it is nowhere, what is typed."""
        own = hidden.find(section, name, key, file, self._folder)
        if own.place == "environment":
            self._dialogue.tell(f"  {what}: {own.variable} has it.")
        elif own.place == "file":
            self._dialogue.tell(f"  {what}: the file {file} has it.")
        else:
            self._dialogue.tell(
                f"  What you type is not shown, and goes into {file}, for you alone to read. Enter: you will set"
                f" {own.variable}."
            )
            typed = self._dialogue.hidden(what, lambda text: _hidden(text, key, any_scheme))
            own = replace(own, typed=typed)
        return own

    def _past(self, found: Answers) -> tuple[Past, Days | None]:
        """Where bars are, and those that there are."""
        if found.vendor == SIMULATOR and self._given.history in (None, "vendor"):
            _, days = past.simulated(sessions(found.symbol.calendar))
            self._dialogue.title(3, "Bars of the past come with the simulated tape.")
            files = (f"{SIMULATED_FOLDER}/{SIMULATED}-{own}.csv" for own in ("1d", "1h", "5m", "1m"))
            return Past("simulated", tuple(files)), days
        vendor = VENDORS.get(found.vendor)
        can = vendor is not None and vendor.has_history
        has_key = all(hidden.is_there(own) for own in found.secrets)
        rows = [("none", "levels by hand; averages warm up over days")]
        rows.insert(0, ("a file", "its name: CSV with time or date, open, high, low, close"))
        if can and vendor and has_key:
            rows.insert(0, ("vendor", f"{vendor.title.split(',')[0]}'s own, asked now"))
        self._dialogue.title(3, "Where are bars of the past, to propose levels and to warm averages?")
        self._dialogue.choices(rows)
        if can and not has_key:
            self._dialogue.tell("  Without its key the vendor cannot be asked now; once it runs, it will be.")
        default = rows[0][0] if rows[0][0] == "vendor" else "none"
        names = [name for name, _ in rows]
        return self._dialogue.ask(
            "Number, or the file's name",
            "--history",
            self._given.history,
            default,
            lambda own: self._read_past(own, names, found, can),
        )

    def _read_past(
        self, answer: str, names: Sequence[str], found: Answers, can: bool
    ) -> tuple[Past, Days | None]:
        number = int(answer) - 1 if answer.isdecimal() and 1 <= int(answer) <= len(names) else None
        word = names[number] if number is not None else answer
        if word == "a file":
            raise WrongAnswerError("write the file's name")
        if word == "none":
            return Past("vendor" if can else "none"), None
        if word == "vendor":
            if "vendor" not in names:
                raise WrongAnswerError(self._why_not(found, can))
            return Past("vendor"), self._of_vendor(found)
        paths = [Path(own).expanduser() for own in map(str.strip, word.split(",")) if own]
        try:
            days = past.of_files(paths, past.config_of(found).watch[0], time.time_ns())
        except FileError as error:
            raise WrongAnswerError(str(error)) from None
        if not len(days):
            raise WrongAnswerError(f"{word}: no session of {found.symbol.symbol} that has ended is in it")
        return Past("files", tuple(self._named(own) for own in paths)), days

    def _why_not(self, found: Answers, can: bool) -> str:
        if not can:
            return f"{found.vendor} has no bars of the past: name a file, or none"
        missing = next(own for own in found.secrets if not hidden.is_there(own))
        return f"{found.vendor} is not asked without its {missing.key}: set {missing.variable}, or write none"

    def _named(self, path: Path) -> str:
        """A path as the config is to name it: from its folder, if it is below."""
        own, folder = path.resolve(), self._folder.resolve()
        return own.relative_to(folder).as_posix() if own.is_relative_to(folder) else str(own)

    def _of_vendor(self, found: Answers) -> Days | None:
        """Nothing, where it gives nothing: the daemon asks it again."""
        known = {own.key: hidden.read(own, self._folder) or "" for own in found.secrets}
        config = past.config_of(found)
        self._dialogue.tell(f"  Asking {found.vendor} for a year of {found.symbol.symbol} …")
        try:
            return asyncio.run(past.of_vendor(config, Credentials(**known), time.time_ns()))
        except HistoryUnavailableError as error:
            say(f"{found.vendor} gave no bars: {error}; it is asked again at each start")
            return None

    def _rules(self, found: Answers, days: Days | None) -> list[Proposal]:
        next_day = past.coming(days, sessions(found.symbol.calendar)) if days else None
        proposed = propose(days, next_day)
        at = f", now {written(found.price)}" if found.price else ""
        self._dialogue.title(4, f"Which levels of {found.symbol.symbol}{at}?")
        self._dialogue.choices([_row(own) for own in proposed])
        return self._dialogue.ask(
            "Numbers such as 1,3-5, all or none; a price of your own as @7000",
            "--levels",
            self._given.levels,
            "all",
            lambda own: _rules(own, proposed, found.price),
        )

    def _receivers(self) -> list[To]:
        self._dialogue.title(5, "Who gets the alerts?")
        self._dialogue.choices([(own.name, own.meaning) for own in receivers.KINDS])
        names = [own.name for own in receivers.KINDS]
        chosen = self._dialogue.ask(
            "Numbers or names, such as 1,2",
            "--receiver",
            self._given.receiver,
            "terminal",
            lambda own: _chosen(own, names),
        )
        return [self._receiver(name) for name in chosen if name != "nobody"]

    def _receiver(self, name: str) -> To:
        own = next(kind for kind in receivers.KINDS if kind.name == name)
        keys = own.details(self._detail)
        secrets = tuple(
            self._secret("receiver", own.name, key, file, what, any_scheme=own.kind == "apprise")
            for key, file, what in own.secrets
        )
        return To(own.name, own.kind, tuple(keys), secrets)

    def _detail(self, prompt: str, option: str, default: str, read: Callable[[str], str]) -> str:
        return self._dialogue.ask(prompt, f"--{option}", getattr(self._given, option), default, read)


def _symbol(answer: str) -> Symbol:
    try:
        return read(answer)
    except UnknownSymbolError as error:
        raise WrongAnswerError(str(error)) from None


def _vendor(answer: str, names: Sequence[str], symbol: Symbol) -> str:
    if answer.lower() == SIMULATOR and SIMULATOR not in names:
        raise WrongAnswerError(
            f"the simulator plays {SIMULATED} alone; {symbol.symbol} has {', '.join(names)}"
        )
    if answer.lower() == "json":
        raise WrongAnswerError(
            f"a feed of your own is described by hand: docs/feeds.md; here {', '.join(names)}"
        )
    return one_of(answer, names)


def _hidden(text: str, key: str, any_scheme: bool) -> str:
    try:
        return hidden.checked(text, key, any_scheme=any_scheme)
    except hidden.WrongSecretError as error:
        raise WrongAnswerError(str(error)) from None


def _row(own: Proposal) -> tuple[str, str]:
    if own.price is None:
        return own.name, own.reason if own.now is None else f"{price(own.now)} now. {own.reason}"
    where = "" if own.name == written(own.price) else f"{written(own.price)}, "
    return own.name, f"{where}{own.role}. {own.reason}"


def _rules(answer: str, proposed: Sequence[Proposal], last: float | None) -> list[Proposal]:
    """Those of the numbers, and levels at prices of one's own."""
    if with_commas := _WITH_COMMAS.search(answer):  # @7,010 would be 7 and the tenth proposal
        plain = with_commas[0].replace(",", "")
        raise WrongAnswerError(f"{with_commas[0]!r}: commas separate answers, so write {plain}")
    own = [each.strip() for each in answer.split(",") if each.strip().startswith("@")]
    rest = [each.strip() for each in answer.split(",") if not each.strip().startswith("@")]
    match ",".join(rest).lower():
        case "all":
            chosen = list(proposed)
        case "none" | "":
            chosen = []
        case text:
            chosen = [proposed[i] for i in numbers(text, len(proposed))]
    by_hand = [of_price(_price(each), last) for each in dict.fromkeys(own)]
    apart = [each for each in chosen if not any(is_near(each, other) for other in by_hand)]
    return [*by_hand, *apart]


def _price(answer: str) -> float:
    """`@7000` or `@7_000.5`; thousands have no comma, which separates answers."""
    try:
        return _PRICE.validate_strings(answer[1:].replace("_", ""))
    except ValidationError:
        raise WrongAnswerError(f"{answer!r} is no price: write one such as @7000") from None


def _chosen(answer: str, names: Sequence[str]) -> list[str]:
    chosen = some_of(answer, names)
    if "nobody" in chosen and len(chosen) > 1:
        raise WrongAnswerError("nobody goes with nobody else")
    return chosen
