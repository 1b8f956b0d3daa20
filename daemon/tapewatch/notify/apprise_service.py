"""Telegram, Discord, Microsoft Teams, ntfy, PagerDuty and the rest, by a URL of the library apprise.

Sources: https://appriseit.com/library/ and apprise 2.2's own code. The library reads all its services when the first
URL is made (0.4 s, 24 MB), so it is imported only where a receiver is of this kind. It sends from threads of its own.

The URL is a secret. Apprise quotes URLs in what it logs and raises, so none of that is heard: its loggers end here, and
of its own words about a failure only those go into the reason that have nothing of the URL in them.
"""

import asyncio
import logging
import re
from typing import Any
from urllib.parse import unquote

from tapewatch.notify.message import Message
from tapewatch.notify.render import one_line
from tapewatch.notify.sender import TemporaryError
from tapewatch.notify.telling import Told, tell
from tapewatch.notify.template import Template, built_in, own_text
from tapewatch.problems import did_you_mean

TIMEOUT = 30.0
"""Seconds for a whole message."""

MOST_LINES = 20
"""Alerts that are listed: many of the services take 1,000 to 4,000 characters."""

THIS_MACHINE = frozenset(
    ("blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")
)
"""Services that show or write something here, where nobody looks: a daemon has no desktop."""

_TALKATIVE = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
"""Libraries that log URLs, tokens included."""

_SERVICES = "https://appriseit.com/services/"

_SCHEMA = re.compile(r"\s*([A-Za-z0-9]{1,32})://")
_LEAST_SECRET = 4
"""A shorter piece of a URL, such as `80` or `me`, tells nobody anything."""

# An @ that begins a word, and <!, <@, <#: what chat services make mentions of. `RSI(14)@1d` stays as it is.
_MENTION = re.compile(r"(?<![\w)])@|<(?=[!@#])")

_text = built_in("body.txt.j2")


class Apprise:
    """Sends to the service of one URL."""

    def __init__(self, url: str, template: Template | None = None, *, pictures: bool = True) -> None:
        """`url` as https://appriseit.com/services/ has it for each service.

        Raises:
            ValueError: apprise can do nothing with it; the message says why, and quotes nothing of it.
        """
        self._service = _service(url)
        self._pieces = _pieces(url)
        self._template = template
        self.pictures = pictures and all(each.attachment_support for each in self._service)
        self._failed = ""  # id of the message that last failed with its picture

    async def send(self, message: Message) -> None:
        """Sends the headline as the title and the rest as plain text; see `Sender.send`.

        Many services take the picture after the text, and apprise does not say which of the two failed: further
        attempts are without it, so that no picture costs anybody the alert.
        """
        from apprise import NotifyFormat

        told = tell(message)
        body = own_text(self._template, told, MOST_LINES) or _text.render(told, MOST_LINES)
        pictured = message.picture is not None and message.id != self._failed
        if pictured:
            self._failed = message.id  # unless it does not
        try:
            async with asyncio.timeout(TIMEOUT):
                result = await self._service.async_notify(
                    title=_plain(f"{told.arrow} {told.headline}"),
                    body=_plain(body),
                    notify_type=_notify_type(told),
                    body_format=NotifyFormat.TEXT,
                    attach=_attachment(message) if pictured else None,
                )
        except TimeoutError:
            raise TemporaryError(f"no answer within {TIMEOUT:g} s") from None
        if not result:
            raise TemporaryError(self._reason(result))
        self._failed = ""

    def _reason(self, result: Any) -> str:
        """The last that apprise said of its attempt, without what stands in the URL."""
        said = [entry.message for service in result for attempt in service for entry in attempt]
        words = one_line(said[-1]) if said else ""
        for piece in self._pieces:
            words = re.sub(re.escape(piece), "…", words, flags=re.IGNORECASE)
        return f"apprise says: {words[:200]}" if words else "apprise says no more than that it failed"


def _attachment(message: Message) -> Any:
    """The picture, from memory."""
    from apprise import AppriseAttachment
    from apprise.attachment.memory import AttachMemory

    picture = AttachMemory(  # type: ignore[no-untyped-call]
        content=message.picture, name="chart.png", mimetype="image/png"
    )
    return AppriseAttachment(picture)


def _service(url: str) -> Any:
    """An `apprise.Apprise` with the service of `url` alone.

    Nothing is kept on disk, no custom plugin is looked for, no redirect followed, and no picture loaded from elsewhere.
    """
    _silence()
    from apprise import Apprise as Services
    from apprise import AppriseAsset, PersistentStoreMode
    from apprise.manager_plugins import NotificationManager
    from apprise.plugins import url_to_dict

    known: Any = NotificationManager()  # type: ignore[no-untyped-call]
    schema = _schema(url, known)
    parts = url_to_dict(url.strip())  # type: ignore[no-untyped-call]
    if not parts:
        raise ValueError(_unreadable(schema, known))
    # Rather a message that ends early than one that the service refuses for its length.
    parts.setdefault("overflow", "truncate")
    asset = AppriseAsset(
        plugin_paths=[],
        storage_mode=PersistentStoreMode.MEMORY,
        app_id="tapewatch",
        app_desc="tapewatch",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        service_timeout=0,
    )
    # With exceptions suppressed: their words quote the URL.
    service = Services.instantiate(parts, asset=asset)
    if service is None:
        raise ValueError(_unreadable(parts["schema"], known))
    services = Services(asset=asset)
    services.add(service)
    return services


def _schema(url: str, known: Any) -> str:
    """What stands before `://`, lower case, of a service that may be used; of a page's own URL `https`."""
    form = _SCHEMA.match(url)
    schema = form[1].lower() if form else ""
    if schema in THIS_MACHINE:
        raise ValueError(
            f"{schema}:// is on this machine, where nobody looks: use a service that reaches people"
        )
    if schema not in known and schema != "https":
        names = sorted(name for name in known.schemas() if name not in THIS_MACHINE)
        hint = did_you_mean(schema, names, f"see {_SERVICES}")
        raise ValueError(f"its url does not begin with a service of apprise's, such as tgram://: {hint}")
    return schema


def _unreadable(schema: str, known: Any) -> str:
    """What would be right in place of a URL that apprise makes nothing of."""
    if schema == "https":
        return f"its url is of no service that apprise knows by its own address: see {_SERVICES}"
    service = known[schema]
    if not service.enabled:
        needs = service.requirements.get("packages_required") or f"see {service.setup_url}"
        return f"apprise has no {schema}:// without another library: {needs}"
    longest = max(service.templates, key=len).replace("{schema}", schema)
    return f"its url is no {schema}:// that works: write it such as {longest}, see {service.setup_url}"


def _notify_type(told: Told) -> Any:
    from apprise import NotifyType

    return {
        "info": NotifyType.INFO,
        "warning": NotifyType.WARNING,
        "critical": NotifyType.FAILURE,
    }[told.severity]


def _plain(text: str) -> str:
    """`text` in which no chat service finds a mention: a blank of no width after what begins one."""
    return _MENTION.sub(lambda found: f"{found[0]}\u200b", text)


def _pieces(url: str) -> list[str]:
    """What stands between the marks of `url`, as written and decoded, the longest first."""
    raw = re.split(r"[/:@?&=,;#+\s]+", _SCHEMA.sub("", url, count=1))
    own = {piece for each in raw for piece in (each, unquote(each)) if len(piece) >= _LEAST_SECRET}
    return sorted(own, key=len, reverse=True)


def _silence() -> None:
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())  # else Python prints warnings by itself
