/**
 * What the server sends, as its routes and `charts/chart.py` say it. Types only; what is not known is null.
 *
 * @typedef {{name: string, role: string|null, low: number, high: number}} Place
 *   A level (`low` equals `high`) or a zone.
 * @typedef {{name: string, role: string|null, low: number, high: number, distance: number|null}} Level
 *   The same with what price has to go, in points.
 * @typedef {"info"|"warning"|"critical"} Severity
 * @typedef {{id: string, time: number, price: number|null, type: string, rule: string,
 *   direction: "up"|"down"|null, severity: Severity, text: string}} Mark
 *   An alert in a chart; `time` in s.
 * @typedef {{id: string, oscillator: string, kind: string, stage: "confirmed"|"forming",
 *   times: [number, number], prices: [number, number], values: [number, number]}} Join
 *   The two pivots of a divergence.
 * @typedef {{symbol: string, title: string, zone: string, timeframe: string, timeframes: string[],
 *   time: number[], open: (number|null)[], high: (number|null)[], low: (number|null)[], close: (number|null)[],
 *   volume: (number|null)[], values: Record<string, (number|null)[]>, forming: boolean,
 *   places: Place[], marks: Mark[], joins: Join[]}} Chart
 * @typedef {{time: number, open: number, high: number, low: number, close: number, volume: number|null,
 *   closed: boolean, values: Record<string, number|null>}} Bar
 * @typedef {{symbol: string, title: string, price: number|null, time: string|null, exchange_time: string|null,
 *   feed: string|null, feed_state: string|null, levels: Level[], indicators: Record<string, number>}} Watch
 * @typedef {{symbol: string, title: string, zone: string, timeframes: string[], feed: string,
 *   price: number|null, time_ns: string|null}} Found
 *   A watch as the search finds it.
 * @typedef {{instance: string, total: number, found: number, watches: Found[]}} Watches
 * @typedef {{receiver: string, outcome: string, detail: string, receipt: string, time: string}} Delivery
 * @typedef {{rule: string, title: string, direction: "up"|"down"|null, price: number|null,
 *   timeframe: string|null, severity: Severity, stage: string|null, late: boolean,
 *   next: string|null, note: string|null, text: string, zone: string, time_ns: string}} AlertData
 * @typedef {{id: string, type: string, subject: string, time: string, data: AlertData}} Alert
 * @typedef {{alert: Alert, deliveries: Delivery[], waiting: string[]}} Entry
 *   An alert of the log.
 * @typedef {{name: string, ok: boolean, reason: string}} Check
 * @typedef {{name: string, vendor: string, state: string, stale: boolean, ticks_per_second: number|null,
 *   lag_s: number|null, reconnects: number}} Feed
 * @typedef {{role: string, ready: boolean, checks: Check[], instance: string, member: string|null, feeds: Feed[],
 *   redis: {ok: boolean, away_s: number|null}, lease: null|{leader: string|null, held: boolean},
 *   receivers: {name: string, waiting: number|null}[], symbols: number, login: boolean}} Health
 * @typedef {{id: string, symbol: string|null, rule: string|null, type: string|null, severity: string|null,
 *   since: string, until: string, by: string, why: string, state: "to come"|"holds"|"over"}} Silence
 */

export {};
