"""A symbol's chart, as data and as a picture."""

from starlette.requests import Request
from starlette.responses import Response

from tapewatch.charting import Charts, NoChartError
from tapewatch.charts.chart import Chart
from tapewatch.config import Watch
from tapewatch.vitals import Vitals
from tapewatch.web.answers import ApiError, Json
from tapewatch.web.now import Now

AT_ONCE = 4
"""Pictures that may be waited for."""

_BUSY = "the picture could not be drawn in time: ask again"


class ChartAnswers:
    """What is asked about them.

    Args:
        vitals: of the process.
        now: knows the watches.
    """

    def __init__(self, vitals: Vitals, now: Now) -> None:
        self._vitals = vitals
        self._now = now
        self._drawing = 0

    def shown(self, request: Request) -> tuple[Watch, str]:
        """The watch and the timeframe that are asked for; without one the watch's shortest is meant.

        Raises:
            ApiError: there is none.
        """
        symbol = request.query_params.get("symbol", "")
        watch = self._now.watch(symbol)
        if watch is None:
            raise ApiError(404, f"no watch has the symbol {symbol[:40]!r}")
        known = watch.all_timeframes()
        timeframe = request.query_params.get("timeframe") or known[0]
        if timeframe not in known:
            raise ApiError(404, f"{symbol} has no timeframe {timeframe[:10]!r}: there are {', '.join(known)}")
        return watch, timeframe

    async def data(self, request: Request) -> Response:
        """As data."""
        return Json(await self._chart(request, self._charts()))

    async def picture(self, request: Request) -> Response:
        """As a picture."""
        charts = self._charts()
        theme = request.query_params.get("theme", "light")
        if theme not in ("light", "dark"):
            raise ApiError(400, "theme is light or dark")
        chart = await self._chart(request, charts)
        if self._drawing >= AT_ONCE:
            raise ApiError(503, _BUSY)
        self._drawing += 1
        try:
            picture = await charts.png(chart, dark=theme == "dark")
        finally:
            self._drawing -= 1
        if picture is None:
            raise ApiError(503, _BUSY)
        return Response(picture, media_type="image/png")

    def _charts(self) -> Charts:
        leading = self._vitals.leading
        if leading is None:
            raise ApiError(503, f"this process does not lead: it is {self._vitals.role}")
        return leading.charts

    async def _chart(self, request: Request, charts: Charts) -> Chart:
        watch, timeframe = self.shown(request)
        try:
            return await charts.chart(watch.symbol, timeframe)
        except NoChartError as error:  # between two configs
            raise ApiError(404, str(error)) from None
