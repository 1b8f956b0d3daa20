"""Pictures: what is where in the figure, and in the pixels."""

import csv
import io
import logging
import math
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image
from sample_charts import (
    ALERT,
    BREAKOUT,
    SUPPORT,
    changed,
    crossing,
    crowded,
    diverging,
    fired,
    hostile,
    joined,
    starts,
    tape,
)

from tapewatch.charts.chart import Chart, Place
from tapewatch.charts.draw import figure, packed, png
from tapewatch.charts.look import DARK, LIGHT

MINUTES = Path(__file__).parents[3] / "shared/data/sp500-2019/SPX-2019-11-1min.csv"

NAN = math.nan


def texts(own: Figure) -> list[str]:
    return [text.get_text() for text in own.findobj(Text) if text.get_text()]


def lines(pane: Axes, gid: str) -> list[Line2D]:
    return [line for line in pane.lines if line.get_gid() == gid]


def written(own: Figure) -> dict[str, tuple[float, float, float, float]]:
    """Where each text of a figure that was drawn stands: left, bottom, right, top."""
    extents = {}
    for number, text in enumerate(text for text in own.findobj(Text) if text.get_text().strip()):
        box = text.get_window_extent()
        extents[f"{number} {text.get_text()}"] = (box.x0, box.y0, box.x1, box.y1)
    return extents


def halted() -> Chart:
    chart = tape()
    same = [100.0] * 90
    return changed(chart, open=same, high=same, low=same, close=same, values={"sma(50)": same})


def with_holes() -> Chart:
    chart = crossing()

    def holed(values: list[float]) -> list[float]:
        return [NAN if i % 3 == 0 or i > 80 else own for i, own in enumerate(values)]

    return changed(
        chart,
        open=holed(chart.open),
        high=holed(chart.high),
        low=holed(chart.low),
        close=holed(chart.close),
        values={name: holed(own) for name, own in chart.values.items()},
    )


CHARTS = {
    "crossing": crossing(),
    "diverging": diverging(),
    "hostile": hostile(),
    "crowded": crowded(),
    "halted": halted(),
    "holes": with_holes(),
    "infinite": changed(crossing(), high=[math.inf] * 90, low=[-math.inf] * 90),
    "nothing": changed(tape(0), places=[SUPPORT]),
    "one bar": changed(tape(1), places=[SUPPORT]),
    "two bars": tape(2),
    "bitcoin": tape(middle=100_000, width=1500, zone="UTC"),
    "ratio": tape(middle=0.0123, width=0.0004),
    "300 bars": tape(300),
    "daily": tape(timeframe="1d"),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
@pytest.mark.parametrize(("dark", "size"), [(False, (1200, 800)), (True, (800, 600))])
def test_a_picture_is_drawn_without_a_warning_and_no_words_hide_others(
    chart: Chart, dark: bool, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        own = figure(chart, dark=dark, width=size[0], height=size[1], focus=ALERT)
        picture = packed(own)
        boxes = written(own)
    assert not caplog.records
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.size) == ("PNG", size)
    assert len(picture) <= 120_000
    assert image.convert("RGB").getpixel((3, 3)) == tuple(
        round(255 * own) for own in to_rgb((DARK if dark else LIGHT).ground)
    )
    for text, (left, bottom, right, top) in boxes.items():
        assert left >= 0, text
        assert bottom >= 0, text
        assert right <= size[0], text
        assert top <= size[1], text
    names = list(boxes)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            a, b = boxes[one], boxes[other]
            wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert min(wide, high) <= 2, f"{one!r} and {other!r}"


def test_the_level_that_was_crossed_is_a_thick_line_at_its_price_with_its_name_beside() -> None:
    own = figure(crossing(), dark=False, focus=ALERT)
    pane = own.axes[0]
    widths = {line.get_ydata()[0]: line.get_linewidth() for line in lines(pane, "place")}
    assert sorted(widths) == [6900, 6950, 6970, 7000]
    assert widths[7000] > 2 * max(widths[6900], widths[6950], widths[6970])
    assert {"7,000", "breakout", "support", "resistance"} <= set(texts(own))
    image = Image.open(io.BytesIO(png(crossing(), dark=False, focus=ALERT))).convert("RGB")
    x, y = pane.transData.transform((2, 7000))  # no candle is there
    assert image.getpixel((round(x), 800 - round(y))) == tuple(
        round(255 * part) for part in to_rgb(LIGHT.ink)
    )
    name = next(text for text in own.findobj(Text) if text.get_text() == "breakout")
    assert abs(name.get_position()[1] - y) < 60
    assert name.get_position()[0] > pane.get_window_extent().x1


def test_a_zone_is_filled_between_its_edges() -> None:
    pane = figure(crossing(), dark=False, focus=ALERT).axes[0]
    (zone,) = [patch for patch in pane.patches if patch.get_height() == 20]
    assert zone.get_y() == 6950


def test_a_level_far_off_is_named_with_an_arrow_if_the_alert_is_about_it_and_else_left_out() -> None:
    far = [
        Place(name="moon", role="target", low=9000.0, high=9000.0),
        Place(name="floor", role=None, low=10.0, high=10.0),
    ]
    chart = changed(tape(), places=far, marks=[fired(tape(), "moon")])
    said = texts(figure(chart, dark=False, focus=ALERT))
    assert "▲ 9,000" in said
    assert "floor" not in said
    low, high = figure(chart, dark=False, focus=ALERT).axes[0].get_ylim()
    assert 6800 < low < high < 7200


def test_the_pivots_of_a_divergence_are_joined_on_the_price_and_on_the_oscillator() -> None:
    chart = diverging()
    price, strength, macd = figure(chart, dark=False, focus=ALERT).axes
    older, own = lines(price, "join")
    assert own.get_xdata().tolist() == [14, 71]
    assert own.get_ydata().tolist() == [chart.high[14], chart.high[71]]
    assert own.get_linewidth() > older.get_linewidth()
    (on_rsi,) = lines(strength, "join")
    assert on_rsi.get_xdata().tolist() == [14, 71]
    assert on_rsi.get_ydata().tolist() == [chart.values["rsi(14)"][14], chart.values["rsi(14)"][71]]
    (on_macd,) = lines(macd, "join")
    assert on_macd.get_xdata().tolist() == [10, 34]


def test_a_pivot_that_is_out_of_sight_or_has_no_value_joins_nothing() -> None:
    chart = tape()
    joins = [
        changed(joined(chart, 3, 9), times=(chart.time[0] - 300, chart.time[9])),
        changed(joined(chart, 3, 9), prices=(NAN, 1.0), values=(NAN, 1.0)),
    ]
    for pane in figure(changed(chart, joins=joins), dark=False, focus=ALERT).axes:
        assert not lines(pane, "join")


def test_there_are_panes_only_for_what_exists() -> None:
    chart = tape()
    assert len(figure(chart, dark=False).axes) == 3
    only = {"rsi(14)": chart.values["rsi(14)"], "macd(12,26,9)": [NAN] * 90}
    own = figure(changed(chart, values=only), dark=False)
    assert len(own.axes) == 2
    assert not [text for text in texts(own) if text.startswith(("MACD", "SMA"))]
    assert len(figure(changed(chart, values={}), dark=False).axes) == 1


def test_of_many_oscillators_that_of_the_divergence_is_drawn() -> None:
    chart = tape()
    others = {f"macd({fast},26,9)": chart.values["macd(12,26,9)"] for fast in (5, 6, 7)}
    asked = changed(joined(chart, 5, 30), oscillator="macd(7,26,9)")
    own = figure(
        changed(chart, values=chart.values | others, joins=[asked], marks=[fired(chart, "x")]),
        dark=False,
        focus=ALERT,
    )
    assert "MACD(7,26,9) 5m" in texts(own)
    assert len(own.axes) == 3


def test_lines_are_named_with_timeframe_and_last_value() -> None:
    chart = tape()
    said = texts(figure(chart, dark=False))
    assert {"SMA(50) 5m", "EMA(20) 5m", "BB(20,2) 5m", "VWAP 5m", "RSI(14) 5m", "MACD(12,26,9) 5m"} <= set(
        said
    )
    assert said.count("BB(20,2) 5m") == 1
    assert f"{chart.values['rsi(14)'][-1]:.1f}" in said
    assert {"signal", "histogram", "30", "70"} <= set(said)
    assert not [text for text in said if text.startswith(("ATR", "ROC"))]


def test_the_title_says_symbol_timeframe_price_and_time_in_the_exchange_s_zone() -> None:
    chart = crossing()
    said = texts(figure(chart, dark=False, focus=ALERT))
    assert {"S&P 500", "5m", f"{chart.close[-1]:,.2f}", "Fri 8 Nov 2019 13:57 EST"} <= set(said)
    assert any(text.startswith("S&P 500 crossed above 7,000") for text in said)
    without = texts(figure(changed(chart, forming=True), dark=False))
    assert "Fri 8 Nov 2019 13:55 EST · forming" in without
    assert not any(text.startswith("S&P 500 crossed") for text in without)
    assert "Fri 8 Nov 2019" in texts(figure(tape(timeframe="1d"), dark=False))
    in_london = texts(figure(changed(tape(zone="Asia/Singapore")), dark=False))
    assert any(text.endswith("UTC+08") for text in in_london)


def test_sessions_follow_each_other_and_a_line_stands_between_them() -> None:
    chart = tape()
    own = figure(chart, dark=False)
    opening = chart.time.index(starts(1, "2019-11-08 09:30")[0])
    for pane in own.axes:
        assert [line.get_xdata()[0] for line in lines(pane, "session")] == [opening - 0.5]
        assert pane.get_xlim() == (-0.5, 89.5)
    assert "8 Nov" in texts(own)
    assert not lines(figure(tape(zone="UTC"), dark=False).axes[0], "session")


def test_candles_are_hollow_where_the_close_is_not_below_the_open() -> None:
    chart = tape()
    pane = figure(chart, dark=True).axes[0]
    bodies = {own.get_gid(): own for own in pane.collections if own.get_gid()}
    rises = sum(close >= open_ for open_, close in zip(chart.open, chart.close, strict=True))
    assert len(bodies["rise"].get_paths()) == rises
    assert len(bodies["fall"].get_paths()) == 90 - rises
    assert tuple(bodies["rise"].get_facecolor()[0][:3]) == to_rgb(DARK.ground)
    assert tuple(bodies["fall"].get_facecolor()[0][:3]) == to_rgb(DARK.fall)


def test_alerts_stand_at_their_bars_and_the_one_it_is_about_is_large_with_a_callout() -> None:
    chart = crossing()
    own = figure(chart, dark=False, focus=ALERT)
    down, nowhere, up = lines(own.axes[0], "alert")
    assert [line.get_xdata()[0] for line in (down, nowhere, up)] == pytest.approx([20, 50, 89])
    assert [line.get_marker() for line in (down, nowhere, up)] == ["v", "D", "^"]
    assert down.get_ydata()[0] > chart.high[20]
    assert nowhere.get_ydata()[0] == pytest.approx(chart.close[50])
    assert up.get_ydata()[0] < chart.low[89]
    assert up.get_markersize() > 1.5 * down.get_markersize()
    assert f"13:57  {chart.close[-1]:,.2f}" in texts(own)
    (callout,) = [patch for patch in own.artists if patch.get_gid() == "callout"]
    box, pane = callout.get_window_extent(), own.axes[0].get_window_extent()
    assert pane.x0 <= box.x0 < box.x1 <= pane.x1
    assert pane.y0 <= box.y0 < box.y1 <= pane.y1


def test_an_alert_of_a_close_stands_at_the_bar_that_closed() -> None:
    chart = tape()
    mark = changed(fired(chart, "x", bar=30), time=chart.time[31])
    (drawn,) = lines(figure(changed(chart, marks=[mark]), dark=False).axes[0], "alert")
    assert drawn.get_xdata()[0] == pytest.approx(30)


def test_an_alert_before_the_first_bar_and_an_unknown_focus_are_left_out() -> None:
    chart = tape()
    early = changed(fired(chart, "x"), time=chart.time[0] - 1, id="early")
    assert not lines(figure(changed(chart, marks=[early]), dark=False, focus="nobody").axes[0], "alert")


def test_names_are_shown_as_they_are() -> None:
    said = texts(figure(hostile(), dark=False, focus=ALERT))
    assert r"$\frac{1}{0}$ <b…" in said
    sentence = next(text for text in said if "<b>&amp;</b>" in text)
    assert "evil שלום عليكم □□ 😀" in sentence
    assert not any(ord(letter) < 32 or letter in "\u202e\u2066" for text in said for letter in text)


def test_a_level_called_by_its_number_is_named_once() -> None:
    chart = changed(tape(), places=[Place(name="7000", role=None, low=7000.0, high=7000.0)])
    said = texts(figure(chart, dark=False))
    assert said.count("7,000") >= 1
    assert "7000" not in said


def test_of_a_crowd_of_levels_the_nearest_are_named() -> None:
    own = figure(crowded(), dark=False, focus=ALERT)
    named = [text for text in texts(own) if text.startswith("level")]
    assert 2 <= len(named) < 12
    assert "breakout" in texts(own)


@pytest.mark.skipif(not MINUTES.exists(), reason=f"{MINUTES} is not here")
def test_a_real_day_is_drawn_small_enough() -> None:
    with MINUTES.open() as file:
        rows = list(csv.DictReader(file))[-300:]
    prices = {name: [float(row[name]) for row in rows] for name in ("open", "high", "low", "close")}
    chart = changed(
        tape(300),
        time=[int(datetime.fromisoformat(row["time"]).timestamp()) for row in rows],
        timeframe="1m",
        places=[changed(BREAKOUT, low=3085.0, high=3085.0)],
        **prices,
    )
    picture = png(chart, dark=False)
    assert len(picture) <= 120_000
    assert np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).std() > 10
