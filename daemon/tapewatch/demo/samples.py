"""What receivers would show of an alert, for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapewatch.alerts.alert import Alert, encode
from tapewatch.notify import email, slack
from tapewatch.notify.message import Message
from tapewatch.notify.telling import tell


def as_slack(alert: Alert) -> RenderableType:
    """The blocks of the Slack message, as a terminal can show them."""
    parts: list[RenderableType] = []
    for block in slack.payload(tell(_alone(alert)))["blocks"]:
        style = {"header": "bold", "context": "dim"}.get(block["type"], "")
        own = [*block.get("elements", ()), *([block["text"]] if "text" in block else [])]
        parts += [Text(slack.unescape(part["text"]), style) for part in own]
        if "fields" in block:
            parts += ["", _fields([slack.unescape(part["text"]) for part in block["fields"]]), ""]
    return Group(*parts)


def _alone(alert: Alert) -> Message:
    return Message((alert,), (encode(alert),))


def _fields(texts: list[str]) -> Table:
    """Fields in two columns with their labels in bold, as Slack has them."""
    grid = Table.grid(padding=(0, 3, 0, 0))
    cells = []
    for label, _, value in (text.partition("\n") for text in texts):
        cells.append(Text.assemble((label.strip("*"), "bold"), "\n", value))
    for left in range(0, len(cells), 2):
        if left:
            grid.add_row("")
        grid.add_row(*cells[left : left + 2])
    return grid


def as_email(alert: Alert) -> Text:
    """Its headers and its text part."""
    mail = email.mail(_alone(alert), "tapewatch@example.com", ["trader@example.com"])
    body = mail.get_body(("plain",))
    content = body.get_content() if body else ""
    return Text(f"From: {mail['From']}\nTo: {mail['To']}\nSubject: {mail['Subject']}\n\n{content.rstrip()}")
