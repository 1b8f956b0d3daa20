"""A receiver's own template: what it sees, what it cannot do, and what becomes of its mistakes."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver_servers import Endpoint, Mailbox, smtp_server
from sample_alerts import HOSTILE, alert, later, message, told
from structlog.testing import capture_logs

from tapewatch.config import Config
from tapewatch.notify.console import Console
from tapewatch.notify.email import Email
from tapewatch.notify.message import Kind
from tapewatch.notify.slack import Slack
from tapewatch.notify.template import LIMIT, Template, TemplateError
from tapewatch.notify.template_trial import problems, tried

SHORT = "{{ headline }}\n{% for line in lines %}\n- {{ line }}\n{% endfor %}"


def text(source: str, **changes: Any) -> str:
    return Template(source, "desk.j2").render(told(alert(**changes)), 200)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "{{ kind }} {{ severity }} {{ arrow }} {{ direction }} {{ headline }}",
            "alerts critical ▲ up S&P 500 crossed above 7,000, at 7,000.25",
        ),
        ("{{ note }} → {{ next }}", "Opens the way to the next target. → 7,100–7,200"),
        (
            "{% for fact in facts %}{{ fact.label }}={{ fact.value }};{% endfor %}",
            "Price=7,000.25;Level=7,000 (breakout);",
        ),
        ("{{ indicators[0].label }}: {{ indicators[0].value.splitlines()[0] }}", "1d: RSI(14) 59.7"),
        ('{{ alerts[0].data.indicators["rsi(14)@1m"] | round(1) }}', "71.2"),
        ("{{ alerts[0].type }} {{ alerts[0].data.level }}", "tapewatch.level.crossed_up 7000.0"),
        ("{{ link or 'no page' }}", "no page"),
        ("{{ origin }}", "sp500 · SPX · breakout · critical · alert 9f0c2a51d7b84e6f8d1c3b5a79e0f246"),
    ],
)
def test_what_a_template_sees(source: str, words: str) -> None:
    assert text(source).startswith(words)


def test_lines_that_are_left_out_are_a_line_themselves() -> None:
    alerts = [later(number) for number in range(50)]
    lines = Template("{{ lines | join('\n') }}", "d").render(told(*alerts, kind=Kind.DIGEST), 13).splitlines()
    assert len(lines) == 14
    assert lines[-1] == "and 37 more: tapewatch log"


@pytest.mark.parametrize(
    "source",
    [
        "{{ headline.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ lines.append('x') }}",
        "{{ alerts[0].update(id='x') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{% extends 'message.txt.j2' %}",
        "{{ nothing_such }}",
        "{{ note.missing }}",
        "{{ 1 / 0 }}",
    ],
)
def test_what_a_template_cannot_do_names_file_and_line(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(f"{{{{ headline }}}}\n\n{source}", "desk.j2").render(told(), 200)
    assert str(caught.value).startswith("desk.j2:3: ")


def test_a_mistake_of_form_names_file_and_line() -> None:
    with pytest.raises(TemplateError, match=r"^desk\.j2:2: .*endfor"):
        Template("{% for line in lines %}\n{{ line }}", "desk.j2")


def test_a_text_without_end_ends() -> None:
    assert (
        len(text("{% for a in range(99999) %}{% for b in range(99999) %}xyz {% endfor %}{% endfor %}"))
        <= LIMIT
    )


def test_nothing_that_a_terminal_would_obey_comes_through() -> None:
    shown = Template("{{ alerts[0].data.note }}\n  {{ alerts[0].data.text }}", "d").render(told(HOSTILE), 1)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "\n  S&P 500 <b>crossed</b>" in shown


def test_a_template_is_tried_on_every_kind_of_message(tmp_path: Path) -> None:
    path = tmp_path / "desk.j2"
    path.write_text(SHORT)
    assert tried(path).file == str(path)
    for source, line in {
        "{{ headline }}\n{{ '%.2f' | format(alerts[0].data.price) }}": 2,  # an alert about a feed has no price
        "{{ headline }}\n\n{{ alerts[0].data.level.real }}": 3,  # and a zone no level
        "{% if kind == 'digest' %}\n{{ no_such }}{% endif %}x": 2,
        "{% if kind == 'alerts' %}{{ headline }}{% endif %}": None,  # nothing of the other kinds
    }.items():
        path.write_text(source)
        with pytest.raises(TemplateError) as caught:
            tried(path)
        assert caught.value.line == line


def test_check_tells_each_file_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.j2").write_text("{{ headline }}\n{{ hedline }}")
    (tmp_path / "good.j2").write_text(SHORT)
    (tmp_path / "latin.j2").write_bytes(b"\xe9")
    console = {"kind": "console"}
    config = Config.model_validate(
        {
            "name": "test",
            "watch": [{"symbol": "SPX"}],
            "receiver": [
                console | {"name": "a", "template": "bad.j2"},
                console | {"name": "b", "template": "bad.j2"},
                console | {"name": "c", "template": "good.j2"},
                console | {"name": "d", "template": "latin.j2"},
                {"name": "e", "kind": "webhook"},
            ],
        },
        context={"folder": tmp_path},
    )
    assert list(map(str, problems(config))) == [
        f"{tmp_path}/bad.j2:2: error: 'hedline' is undefined",
        f"{tmp_path}/latin.j2: error: this template is not UTF-8 text",
    ]


async def test_slack_shows_it_as_plain_text_and_nothing_else(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    template = Template("*{{ headline }}* <!channel>\n{{ note }}", "d")
    await Slack(url, http, template).send(message())
    posted = json.loads(endpoint.received[0].body)
    assert posted["blocks"] == [
        {
            "type": "section",
            "text": {
                "type": "plain_text",
                "text": "*S&amp;P 500 crossed above 7,000, at 7,000.25* &lt;!channel&gt;\nOpens the way to the next"
                " target.",
                "emoji": False,
            },
        }
    ]
    assert posted["text"] == "▲ S&amp;P 500 crossed above 7,000, at 7,000.25"


async def test_a_long_one_fits_slacks_sections(endpoint: Endpoint, url: str, http: httpx.AsyncClient) -> None:
    template = Template("{% for i in range(400) %}line {{ i }} & more words\n{% endfor %}", "d")
    await Slack(url, http, template).send(message())
    sections = [block["text"]["text"] for block in json.loads(endpoint.received[0].body)["blocks"]]
    assert len(sections) > 2
    assert all(len(each) <= 3000 for each in sections)
    assert "\n".join(sections).startswith("line 0 &amp; more words\nline 1 &amp; more words\n")


async def test_an_email_is_that_text_without_html() -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox) as port:
        sender = Email(
            "127.0.0.1", port, "none", "a@example.com", ["b@example.com"], template=Template(SHORT, "d")
        )
        await sender.send(message(later(0, severity="info"), later(0.5)))
    (mail,) = mailbox.mails
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == (
        "S&P 500 crossed above 7,000, at 7,000.25 · +1 more\n"
        "- 09:31:07 EST ▲ S&P 500 crossed above 7,000, at 7,000.25\n"
    )
    assert mail["Subject"] == "S&P 500 crossed above 7,000, at 7,000.25 · +1 more"


async def test_the_console_prints_it() -> None:
    out = io.StringIO()
    await Console(out, Template("{{ severity | upper }} {{ headline }}", "d")).send(message())
    assert out.getvalue() == "CRITICAL S&P 500 crossed above 7,000, at 7,000.25\n"


async def test_one_that_fails_on_an_alert_costs_nobody_the_alert() -> None:
    out = io.StringIO()
    template = Template("{{ headline }} {{ 100 / alerts[0].data.distance }}", "desk.j2")
    with capture_logs() as logs:
        await Console(out, template).send(message(alert(distance=0.0)))
    assert "S&P 500 crossed above 7,000" in out.getvalue()
    (event,) = logs
    assert event["event"] == "notify.template_failed"
    assert event["error"] == "desk.j2:1: float division by zero"
