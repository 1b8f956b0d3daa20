"""Slack: a Block Kit message to an incoming webhook.

Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/messaging/formatting-message-text

What a config may have written freely (headline, note, next target, names, a template) goes into `plain_text`
objects, in which Slack parses nothing; `mrkdwn` holds only labels and figures of our own. Both are escaped, because
`&`, `<` and `>` are Slack's control characters: `<!channel>` in a note calls nobody.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import msgspec

from tapewatch.notify.http import check, post
from tapewatch.notify.message import Message
from tapewatch.notify.render import Fact
from tapewatch.notify.telling import Told, capped, tell
from tapewatch.notify.template import Template, own_text

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
FIELDS_LIMIT = 10
BLOCKS_LIMIT = 50
ALT_LIMIT = 2000
"""Slack's limits: characters of a header, a section and a field; fields a section; blocks a message; of an image's
`alt_text`."""

MOST_LINES = 40
"""Alerts of a digest that are listed: what people scroll through."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

Json = dict[str, Any]


class Slack:
    """Posts to one incoming webhook, whose URL is a secret."""

    pictures = False  # a webhook takes no file

    def __init__(self, url: str, http: httpx.AsyncClient, template: Template | None = None) -> None:
        self._url = url
        self._http = http
        self._template = template

    async def send(self, message: Message) -> None:
        """Posts `message`; see `Sender.send`."""
        told = tell(message)
        content = msgspec.json.encode(payload(told, own_text(self._template, told, MOST_LINES)))
        response = await post(self._http, self._url, content, {"Content-Type": "application/json"})
        check(response, _slack_error(response))


def payload(told: Told, text: str | None = None, image: Json | None = None) -> Json:
    """What is posted: what happened, what it means, the chart, the figures, where it comes from.

    Args:
        told: the message.
        text: to be shown in place of all that but the chart.
        image: the block that shows the chart.
    """
    headline = f"{told.arrow} {told.headline}"
    images = [image] if image else []
    blocks = [*_sections(text.splitlines()), *images] if text else _blocks(told, headline, images)
    # `text` is what the phone shows on its lock screen.
    return {"text": clip(headline, SECTION_LIMIT), "mrkdwn": False, "blocks": blocks}


def image_block(file: str, alt: str) -> Json:
    """The block that shows a picture.

    Source: https://docs.slack.dev/reference/block-kit/blocks/image-block

    Args:
        file: id of a file at Slack, which who posts must have access to.
        alt: what it shows; not parsed, and so not escaped.
    """
    shown = alt.replace("<", "‹").replace(">", "›")[:ALT_LIMIT]
    return {"type": "image", "slack_file": {"id": file}, "alt_text": shown}


def _blocks(told: Told, headline: str, images: list[Json]) -> list[Json]:
    blocks: list[Json] = [{"type": "header", "text": _plain(headline, HEADER_LIMIT)}]
    if len(escape(headline)) > HEADER_LIMIT:
        blocks.append(_section(told.headline))
    blocks += _sections(capped(told.lines, MOST_LINES))
    if told.note:
        blocks.append(_section(told.note))
    if told.next:
        blocks.append(_section(f"Next target: {told.next}"))
    blocks += images
    blocks += _field_sections(told.facts)
    blocks += _field_sections(told.indicators)
    last = [{"type": "context", "elements": [_plain(told.origin, FIELD_LIMIT)]}]
    if told.link:
        last.insert(0, _link(told.link))
    return blocks[: BLOCKS_LIMIT - len(last)] + last


def _link(url: str) -> Json:
    # A button would ask the app's server what to do, and show a warning where there is none:
    # https://github.com/slackapi/node-slack-sdk/issues/869
    address = escape(url.replace("|", "%7C"))
    text = {"type": "mrkdwn", "text": f"<{address}|Open the chart>", "verbatim": True}
    return {"type": "section", "text": text}


def escape(text: str) -> str:
    """`text` with Slack's three control characters escaped."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def unescape(text: str) -> str:
    """What Slack shows of an escaped `text`."""
    for character, entity in reversed(_ESCAPES.items()):
        text = text.replace(entity, character)
    return text


def clip(text: str, limit: int) -> str:
    """`escape(text)`, cut with an ellipsis so that it has at most `limit` characters and no half entity."""
    escaped = escape(text)
    if len(escaped) <= limit:
        return escaped
    kept: list[str] = []
    room = limit - 1
    for character in text:
        piece = escape(character)
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def _plain(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def _section(text: str) -> Json:
    return {"type": "section", "text": _plain(text, SECTION_LIMIT)}


def _sections(lines: Iterable[str]) -> Iterator[Json]:
    """`lines` in as few sections as hold them."""
    held = ""
    for line in lines:
        longer = f"{held}\n{line}" if held else line
        if held.strip() and len(escape(longer)) > SECTION_LIMIT:
            yield _section(held)
            longer = line
        held = longer
    if held.strip():  # Slack takes no empty section
        yield _section(held)


def _field_sections(facts: list[Fact]) -> list[Json]:
    fields = [_field(fact) for fact in facts]
    return [
        {"type": "section", "fields": fields[i : i + FIELDS_LIMIT]}
        for i in range(0, len(fields), FIELDS_LIMIT)
    ]


def _field(fact: Fact) -> Json:
    # `verbatim` keeps Slack from making links and mentions out of words.
    text = f"*{escape(fact.label)}*\n{clip(fact.value, FIELD_LIMIT // 2)}"
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _slack_error(response: httpx.Response) -> str:
    """Slack's own word for what is wrong, such as `no_service`; empty when the answer is anything else."""
    return response.text if re.fullmatch(r"[a-z_]{1,64}", response.text) else ""
