"""Configs with one mistake each, with something to be warned of, and with what looks wrong and is right."""

WATCH = """\
name = "test"
[[watch]]
symbol = "SPX"
"""

RECEIVER = WATCH + "[[route]]\nreceivers = ['desk']\n[[receiver]]\nname = 'desk'\n"


MISTAKES = {
    "unknown key": (WATCH + 'calender = "XNYS" #!', "[[watch]] calender", 'did you mean "calendar"?'),
    "key of another table": (
        WATCH + "confirm = '1h' #!",
        "[[watch]] confirm",
        "belongs under [[watch.level]]",
    ),
    "missing key": (WATCH + '[[watch.level]] #!\nname = "a"', "[[watch.level]] price", "is missing"),
    "number in quotes": (
        WATCH + '[[watch.level]]\nprice = "7000" #!',
        "[[watch.level]] price",
        "price = 7000",
    ),
    "price not positive": (WATCH + "[[watch.level]]\nprice = 0 #!", "[[watch.level]] price", "more than 0"),
    "price not finite": (
        WATCH + "[[watch.level]]\nprice = inf #!",
        "[[watch.level]] price",
        "must be a finite number",
    ),
    "text without quotes": (WATCH + "feed = tape #!", "", "text without quotes"),
    "role": (
        WATCH + "[[watch.level]]\nprice = 7000\nrole = 'suport' #!",
        "[[watch.level]] role",
        'did you mean "support"?',
    ),
    "one bracket": (WATCH + "[watch.level] #!\nprice = 7000", "[[watch]] level", "write [[watch.level]]"),
    "two brackets": (WATCH + "[[redis]] #!", "redis", "there is only one: write [redis]"),
    "text for an array": (WATCH + "timeframes = '1d' #!", "[[watch]] timeframes", 'timeframes = ["..."]'),
    "timeframe": (WATCH + "timeframes = ['1m',\n  '90x'] #!", "[[watch]] timeframes", "such as 1m, 5m, 1h"),
    "timeframe twice": (WATCH + "timeframes = ['60m',\n '1h'] #!", "[[watch]] timeframes", "same as 60m"),
    "confirm": (
        WATCH + "[[watch.level]]\nprice = 7000\nconfirm = 'hour' #!",
        "[[watch.level]] confirm",
        "no timeframe",
    ),
    "indicator": (
        WATCH + "indicators = ['rsy(14)'] #!",
        "[[watch]] indicators",
        "there are atr, bb, ema, macd, roc, rsi, sma, vwap",
    ),
    "max_jump": (WATCH + "max_jump = 1 #!", "[[watch]] max_jump", '"1%", or "off"'),
    "rearm": (WATCH + "rearm = '7' #!", "[[watch]] rearm", 'such as "0.1%"'),
    "calendar": (WATCH + "calendar = 'XNYZ' #!", "[[watch]] calendar", 'did you mean "XNYS"?'),
    "hours": (
        WATCH + "calendar = 'XLON'\nhours = 'extended' #!",
        "[[watch]] hours",
        "XLON has no extended hours",
    ),
    "history": (WATCH + "history = ['none.csv'] #!", "[[watch]] history", "there is no file"),
    "symbol twice": (WATCH + "[[watch]]\nsymbol = 'SPX' #!", "[[watch]] symbol", "already (line 3)"),
    "zone upside down": (
        WATCH + "[[watch.zone]]\nlow = 6970 #!\nhigh = 6950",
        "[[watch.zone]] low",
        "write low = 6950 and high = 6970",
    ),
    "zone flat": (WATCH + "[[watch.zone]]\nlow = 6970\nhigh = 6970 #!", "[[watch.zone]] high", "is flat"),
    "zone twice": (
        WATCH + "zone = [{low = 1, high = 2, name = 'a'},\n {low = 1, high = 2}] #!",
        "[[watch.zone]] low",
        "such a zone already (line 4)",
    ),
    "level twice": (
        WATCH + "[[watch.level]]\nprice = 7000\n[[watch.level]]\nname = 'x'\nprice = 7000.0 #!",
        "[[watch.level]] price",
        "a level at 7000 already (line 5)",
    ),
    "level twice, no names": (
        WATCH + "[[watch.level]]\nprice = 7000\n[[watch.level]]\nprice = 7000 #!",
        "[[watch.level]] price",
        "a level at 7000 already (line 5)",
    ),
    "name twice": (
        WATCH
        + "level = [{price = 7000}]\n[[watch.condition]]\nname = '7000' #!\nwhen = 'rsi(9)@1d crosses 50'",
        "[[watch.condition]] name",
        'called "7000" already (line 4)',
    ),
    "condition": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d corsses 70' #!",
        "[[watch.condition]] when",
        "did you mean crosses?\n  rsi(14)@1d corsses 70\n             ^^^^^^^",
    ),
    "event twice": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1 and price crosses 2' #!",
        "[[watch.condition]] when",
        "one event already, price crosses 1",
    ),
    "on": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\non = 'clos' #!",
        "[[watch.condition]] on",
        'none of "tick", "close" or a timeframe',
    ),
    "on the close of nothing": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\non = 'close' #!",
        "[[watch.condition]] on",
        'on = "5m"',
    ),
    "divergence on ticks": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges bullish'\non = 'tick' #!",
        "[[watch.condition]] on",
        'write when = "rsi(14)@1h diverges bullish forming"',
    ),
    "early warning on ticks": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges forming'\non = 'tick' #!",
        "[[watch.condition]] on",
        "leave on out",
    ),
    "divergence at another close": (
        WATCH
        + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges and rsi(14)@5m > 50'\non = 'close' #!",
        "[[watch.condition]] on",
        "at the close of its 1h bar",
    ),
    "frequency": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfrequency = 'once a bar' #!",
        "[[watch.condition]] frequency",
        'did you mean "once per bar"?',
    ),
    "for": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '5 minutes' #!",
        "[[watch.condition]] for",
        'such as "90s", "5m" or "2h"',
    ),
    "for a number": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = 5 #!",
        "[[watch.condition]] for",
        'for = "..."',
    ),
    "for a divergence": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges'\nfor = '5m' #!",
        "[[watch.condition]] for",
        "leave for out",
    ),
    "for longer than a session": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '391m' #!",
        "[[watch.condition]] for",
        "within one session",
    ),
    "for longer than its hours": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '10:00-10:30'\nfor = '31m' #!",
        "[[watch.condition]] for",
        "within one session",
    ),
    "expires in quotes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = '2026-03-31' #!",
        "[[watch.condition]] expires",
        "without quotes, such as 2026-03-31",
    ),
    "expires at a time of no day": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 10:00:00 #!",
        "[[watch.condition]] expires",
        "such as 2026-03-31",
    ),
    "expires at a time of no zone": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31 10:00:00 #!",
        "[[watch.condition]] expires",
        "write 2026-03-31T10:00:00Z for UTC",
    ),
    "expires before any tick": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 1926-03-31 #!",
        "[[watch.condition]] expires",
        "from 1970 to 2199",
    ),
    "hours of a condition": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '9:45 to 15:45' #!",
        "[[watch.condition]] hours",
        'such as "09:45-15:45"',
    ),
    "hours that no day has": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '09:45-25:00' #!",
        "[[watch.condition]] hours",
        "not two times",
    ),
    "hours upside down": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '15:45-09:45' #!",
        "[[watch.condition]] hours",
        "upside down",
    ),
    "hours when the exchange is shut": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\nhours = '04:00-09:30' #!",
        "[[watch.condition]] hours",
        "XNYS trades from 09:30 to 16:00",
    ),
    "extended hours for what is of regular hours": (
        WATCH
        + "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '04:00-09:30' #!",
        "[[watch.condition]] hours",
        "outside the session",
    ),
    "hours in which no bar ends": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d > 70'\nhours = '09:45-12:45' #!",
        "[[watch.condition]] hours",
        "no 1d bar ends in these hours",
    ),
    "too long a title": (
        WATCH + f"title = '{65 * 'x'}' #!",
        "[[watch]] title",
        "is too long: 64 characters are the most",
    ),
    "too many timeframes": (
        WATCH + f"timeframes = {[f'{n}m' for n in range(1, 18)]} #!",
        "[[watch]] timeframes",
        "16 are the most",
    ),
    "too many indicators": (
        WATCH + f"indicators = {[f'sma({n})' for n in range(1, 66)]} #!",
        "[[watch]] indicators",
        "64 are the most",
    ),
    "too many timeframes, with those of rules": (
        WATCH
        + f"timeframes = {[f'{n}m' for n in range(1, 17)]} #!\n"
        + "".join(f"[[watch.condition]]\nname = '{n}'\nwhen = 'close@{n}m > 1'\n" for n in range(17, 33)),
        "[[watch]] timeframes",
        "33 timeframes, with 1d: 32 are the most",
    ),
    "period beyond any number": (
        WATCH + f"indicators = ['sma({'9' * 400}.5)'] #!",
        "[[watch]] indicators",
        "from 1 to 1000",
    ),
    "the hour of a condition in minutes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@60m > 70' #!",
        "[[watch.condition]] when",
        'write "1h"',
    ),
    "the hour of on in minutes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 70'\non = '60m' #!",
        "[[watch.condition]] on",
        'write "1h"',
    ),
    "the hour of confirm otherwise than in another rule": (
        WATCH
        + "level = [{price = 1, confirm = '120m'}]\n[[watch.zone]]\nlow = 1\nhigh = 2\nconfirm = '2h' #!",
        "[[watch.zone]] confirm",
        'write "120m"',
    ),
    "below the session's own low": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 5and  price < session.low' #!",
        "[[watch.condition]] when",
        "never below it: write price <= low@1d\n"
        "  price crosses 5and  price < session.low\n                      ^^^^^^^^^^^^^^^^^^^",
    ),
    "above a bar's own high": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'Price is above high@5m' #!",
        "[[watch.condition]] when",
        "write price >= high@5m",
    ),
    "across a bar's own low": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses below low@5m' #!",
        "[[watch.condition]] when",
        "never crosses it",
    ),
    "below the low, in regular hours of an extended watch": (
        WATCH
        + "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'vwap crosses 5 and price < low@1h' #!",
        "[[watch.condition]] when",
        "never below it",
    ),
    "name of a snapshot's bars": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPX/bars' #!",
        "[[watch]] symbol",
        "the bars of SPX",
    ),
    "composite of an index under another name and a stock": (
        WATCH
        + "feed_symbol = 'I:SPX'\nfeed = 'a'\n[[watch]]\nsymbol = 'SPX/SPY' #!\nfeed = 'b'\n"
        + "[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'b'\nvendor = 'massive'",
        "[[watch]] symbol",
        "SPY is a stock, and the other is not",
    ),
    "settle_after": (WATCH + "settle_after = 20 #!", "[[watch]] settle_after", 'settle_after = "..."'),
    "composite of one": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/' #!",
        "[[watch]] symbol",
        "such as XLC/SPY",
    ),
    "composite of three": (
        "name = 'test'\n[[watch]]\nsymbol = 'A/B/C' #!",
        "[[watch]] symbol",
        "such as XLC/SPY",
    ),
    "composite of itself": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPY/SPY' #!",
        "[[watch]] symbol",
        "SPY divided by itself is always 1",
    ),
    "composite of an index and a stock": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPY/I:SPX' #!\n[[feed]]\nname = 'a'\nvendor = 'massive'",
        "[[watch]] symbol",
        "I:SPX is an index, and the other is not",
    ),
    "pair that would be a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'BTC/USD' #!\n[[feed]]\nname = 'a'\nvendor = 'kraken'",
        "[[watch]] symbol",
        'write feed_symbol = "BTC/USD" too',
    ),
    "pair of one that is watched and one that is not": (
        "name = 'test'\n[[watch]]\nsymbol = 'BTC-USD/ETH' #!\n[[feed]]\nname = 'a'\nvendor = 'coinbase'",
        "[[watch]] symbol",
        "ETH is no pair",
    ),
    "no such feed": (
        WATCH + "feed = 'tap' #!\n[[feed]]\nname = 'tape'\nvendor = 'massive'",
        "[[watch]] feed",
        'did you mean "tape"?',
    ),
    "which feed": (
        "name = 'test'\n[[watch]] #!\nsymbol = 'SPX'\n"
        "[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'b'\nvendor = 'massive'",
        "[[watch]] feed",
        "say which: a, b",
    ),
    "feed twice": (
        WATCH
        + "feed = 'a'\n[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'a' #!\nvendor = 'massive'",
        "[[feed]] name",
        "already (line 6)",
    ),
    "index and stock": (
        WATCH
        + "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPY' #!\n[[feed]]\nname = 'a'\nvendor = 'massive'",
        "[[watch]] symbol",
        "a [[feed]] of its own",
    ),
    "receiver nobody routes to": (
        WATCH + "[[receiver]]\nname = 'desk' #!\nkind = 'console'",
        "[[receiver]] name",
        'write [[route]] and receivers = ["desk"]',
    ),
    "receiver that is not there": (
        WATCH + "[[receiver]]\nname='desk'\nkind='console'\n[[route]]\nreceivers = ['desk',\n'dsk'] #!",
        "[[route]] receivers",
        'did you mean "desk"?',
    ),
    "receiver twice": (
        WATCH
        + "[[receiver]]\nname = 'a'\nkind = 'console'\n[[receiver]]\nname = 'a' #!\nkind = 'console'\n"
        + "[[route]]\nreceivers = ['a']",
        "[[receiver]] name",
        "already (line 5)",
    ),
    "receiver's kind": (
        WATCH + "[[receiver]]\nname = 'a'\nkind = 'slak' #!\n[[route]]\nreceivers = ['a']",
        "[[receiver]] kind",
        'did you mean "slack"?',
    ),
    "route that matches nothing": (
        WATCH
        + "[[receiver]]\nname='a'\nkind='console'\n[[route]]\nreceivers=['a']\nmatch = { symbol = 'SPZ' } #!",
        "[[route]] match.symbol",
        'did you mean "SPX"?',
    ),
    "template that is not there": (
        RECEIVER + "kind = 'console'\ntemplate = 'desk.j2' #!",
        "[[receiver]] template",
        "there is no file",
    ),
    "route of a type that there is not": (
        RECEIVER + "kind = 'console'\n[[route]]\nreceivers = ['desk']\nmatch = { type = 'level.crosed*' } #!",
        "[[route]] match.type",
        "no type is called",
    ),
    "time zone that there is not": (
        RECEIVER + "kind = 'console'\nquiet = '22:00-07:00'\nzone = 'New York' #!",
        "[[receiver]] zone",
        "'New York' is no time zone",
    ),
    "key of another kind of receiver": (
        RECEIVER + "kind = 'webhook'\nurl = 'https://a.b'\ncooldown = '1m' #!",
        "[[receiver]] cooldown",
        "unknown key; there is name",
    ),
    "quiet hours that never end": (
        RECEIVER + "kind = 'console'\nzone = 'UTC'\nquiet = '00:00-24:00' #!",
        "[[receiver]] quiet",
        "all day or never",
    ),
    "mail to nobody": (
        RECEIVER + "kind = 'email'\nhost = 'localhost'\nsender = 'tape@example.com'\nto = ['desk'] #!",
        "[[receiver]] to",
        "'desk' is no address",
    ),
    "mute that matches nothing": (
        RECEIVER + "kind = 'console'\nmute = [{ rule = 'breakuot' }] #!",
        "[[receiver.mute]] rule",
        'no rule is called "breakuot", so nothing is muted',
    ),
    "mute of everything": (
        RECEIVER + "kind = 'console'\nmute = [{}] #!",
        "[[receiver.mute]]",
        "mutes everything",
    ),
    "webhook and bot in one": (
        RECEIVER + "kind = 'slack'\nchannel = 'C0123456789'\nurl_file = 'slack.url' #!",
        "[[receiver]] url_file",
        "leave one of them out",
    ),
    "bot's token without a channel": (
        RECEIVER + "kind = 'slack'\ntoken_file = 'slack.token' #!",
        "[[receiver]] token_file",
        "write the channel that it posts to",
    ),
    "bot's address without a channel": (
        RECEIVER + "kind = 'slack'\napi_url = 'https://slack.example/api/' #!",
        "[[receiver]] api_url",
        "write the channel that it posts to",
    ),
    "pictures of a webhook": (
        RECEIVER + "kind = 'slack'\npictures = true #!",
        "[[receiver]] pictures",
        "write the channel that it posts to",
    ),
    "quoted switch": (
        RECEIVER + "kind = 'email'\nhost = 'h'\nsender = 'a@example.org'\nto = ['b@example.org']\n"
        "pictures = 'yes' #!",
        "[[receiver]] pictures",
        "true or false, without quotes",
    ),
    "bare port": (WATCH + "[http]\nlisten = ':8790' #!", "[http] listen", 'write "127.0.0.1:8790"'),
    "IPv6 without brackets": (WATCH + "[http]\nlisten = '::1:8790' #!", "[http] listen", '"[::1]:8790"'),
    "port too high": (
        WATCH + "[http]\nlisten = '127.0.0.1:87900' #!",
        "[http] listen",
        "no address and port",
    ),
    "token in the config": (WATCH + "[http]\ntoken = 'x' #!", "[http] token", "or in TAPEWATCH_HTTP_TOKEN"),
    "TLS files without TLS": (
        WATCH + "[redis]\nurl = 'redis://localhost'\nca_file = 'ca.pem' #!",
        "[redis] ca_file",
        "its URL begins with rediss://",
    ),
    "key without certificate": (
        WATCH + "[redis]\nurl = 'rediss://localhost'\nkey_file = 'key.pem' #!",
        "[redis] key_file",
        "name that in cert_file",
    ),
    "Redis URL": (WATCH + "[redis]\nurl = 'localhost:6379' #!", "[redis] url", "write redis://HOST:PORT/0"),
}


WARNINGS = {
    "metrics beyond this machine": (
        WATCH + "[http]\nlisten = '0.0.0.0:8790' #!",
        "closed to other hosts unless TAPEWATCH_HTTP_TOKEN or token_file is set",
    ),
    "quiet hours of nobody's clock": (
        RECEIVER + "kind = 'console'\nquiet = '22:00-07:00' #!",
        "is in UTC",
    ),
    "feed nobody uses": (
        WATCH
        + "feed = 'a'\n[[feed]]\nname = 'a'\nvendor='massive'\n[[feed]]\nname = 'b' #!\nvendor='massive'",
        'no watch takes feed "b"',
    ),
    "band wider than half the zone": (
        WATCH + "[[watch.zone]]\nlow = 6950\nhigh = 6970\nrearm = 15 #!",
        "10 points are used in place of 15",
    ),
    "condition that is a level": (
        WATCH + "level = [{price = 7000}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 7000' #!",
        "two alerts",
    ),
    "condition that is a zone": (
        WATCH
        + "zone = [{low = 1, high = 2}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price leaves 1 to 2' #!",
        "a [[watch.zone]] of 1 to 2 already",
    ),
    "channel by its name": (
        RECEIVER + "kind = 'slack'\nchannel = '#alerts' #!",
        "#alerts is no id of a channel",
    ),
    "volume of a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/SPY'\n[[watch.condition]]\nname = 'a'\nwhen = 'volume@5m > 1000' #!",
        "volume@5m says nothing",
    ),
    "vwap of a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/SPY'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > vwap' #!",
        "vwap@1d says nothing",
    ),
}


CLEAN = {
    "what is about a feed, muted and routed": "feed = 'tape'\n[[feed]]\nname = 'tape'\nvendor = 'massive'\n"
    "[[receiver]]\nname = 'desk'\nkind = 'console'\nmute = [{ symbol = 'tape', type = 'feed.back' }]\n"
    "[[route]]\nreceivers = ['desk']\nmatch = { rule = 'feed', type = 'tapewatch.feed.*' }",
    "a bot and its token": "[[route]]\nreceivers = ['desk']\n[[receiver]]\nname = 'desk'\nkind = 'slack'\n"
    "channel = 'C0123456789'\ntoken_file = 'slack.token'\nmute = [{ symbol = 'SP*', type = 'level.*' }]",
    "a level with more to it": "level = [{price = 1}]\n[[watch.condition]]\nname = 'a'\n"
    "when = 'price crosses 1 and price > vwap'",
    "a level that must hold": "level = [{price = 1}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\n"
    "for = '5m'",
    "an early warning before the day's close": "[[watch.condition]]\nname = 'a'\n"
    "when = 'rsi(14)@1d diverges forming'\nhours = '09:45-12:45'",
    "the session's last quarter": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '15:45-24:00'",
    "extended hours": "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\n"
    "hours = '04:00-09:30'\nfor = '5h'",
    "hours that end with the day's bar": "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d > 70'\n"
    "hours = '15:59-16:00'",
    "an hour of a market that never shuts": "calendar = '24/7'\n[[watch.condition]]\nname = 'a'\n"
    "when = 'close@4h > 1'\nhours = '23:00-24:00'",
    "a session as long as it lasts": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '390m'",
    "a divergence at its own close": "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges and price > 5'\n"
    "on = '1h'",
    "a date": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31",
    "a time": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31T10:00:00-04:00",
    "settling": "settle_after = '20m'",
    "across a bar's own high": "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses above high@1h'",
    "below the day's low in extended hours": "hours = 'extended'\n[[watch.condition]]\nname = 'a'\n"
    "when = 'price crosses 5 and price < session.low'",
    "a calendar that begins later": "calendar = 'JPX'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\n"
    "for = '5m'",
    "a composite of two indices under other names": "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPX/I:NDX'\n"
    "[[feed]]\nname = 'a'\nvendor = 'massive'",
    "two pairs under names of their own, divided": "feed_symbol = 'BTC/USD'\n[[watch]]\nsymbol = 'ETH'\n"
    "feed_symbol = 'ETH/USD'\n[[watch]]\nsymbol = 'ETH/SPX'\n[[feed]]\nname = 'a'\nvendor = 'kraken'",
    "two pairs as Coinbase writes them, divided": "feed_symbol = 'BTC-USD'\n[[watch]]\n"
    "symbol = 'ETH-USD/BTC-USD'\n[[feed]]\nname = 'a'\nvendor = 'coinbase'",
    "what begins as Massive's indices do, elsewhere": "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPY'\n"
    "[[feed]]\nname = 'a'\nvendor = 'finnhub'",
    "as many timeframes as may be": f"timeframes = {[f'{n}m' for n in range(1, 17)]}\n"
    + "".join(f"[[watch.condition]]\nname = '{n}'\nwhen = 'close@{n}m > 1'\n" for n in range(17, 32)),
}
