/* The engine's work as a fixed function in C: what the tables of the real kernels cost, and what Python costs.

   Per tick: price, hours and lateness checked; bars of four timeframes, forming and closing; RSI(14), MACD(12,26,9),
   SMA(50), SMA(200) and EMA(20) of each, provisional and on the close, seeded as TA-Lib seeds them; six level triggers
   as design §4 has them. Left out, because it would be no fixed function or never happens on this tape: trade ids,
   ticks held back, ticks ahead of the clock, the place on the tape, rules other than levels, snapshots. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { FRAMES = 4, LEVELS = 6, RING = 199 };
enum { RSI_PERIOD = 14, FAST = 12, SLOW = 26, SIGNAL = 9, SHORT_SMA = 50, LONG_SMA = 200, EMA_PERIOD = 20 };
enum { RSI, LINE, AVERAGE, HISTOGRAM, SMA_SHORT, SMA_LONG, EMA, VALUES };
enum { KNOWN = 1, ABOVE = 2, ARMED = 4 };

#define NS INT64_C(1000000000)
#define NEVER INT64_MAX
#define NOTHING_MOVED 1e-14 /* TA_IS_ZERO */

static const int64_t DURATIONS[FRAMES] = {60 * NS, 300 * NS, 3600 * NS, 0}; /* 0: the session */

typedef struct { /* TICK of the market package */
    int64_t time;
    double price, size;
    int64_t id;
    int32_t symbol, exchange;
    uint32_t flags, frames;
} Tick;

typedef struct {
    int64_t time;
    int32_t symbol, level;
    int64_t up;
} Crossing;

typedef struct {
    int64_t next_end, session_open, session_close;
    double last;
    double level[LEVELS], band[LEVELS];
    int32_t trigger[LEVELS];
    int64_t start[FRAMES], end[FRAMES], closed_end[FRAMES], count[FRAMES];
    double bar_open[FRAMES], bar_high[FRAMES], bar_low[FRAMES], bar_close[FRAMES], volume[FRAMES];
    double previous[FRAMES], short_sum[FRAMES], long_sum[FRAMES];
    double gain[FRAMES], loss[FRAMES], fast[FRAMES], slow[FRAMES], signal[FRAMES], ema[FRAMES];
    double value[VALUES][FRAMES];
} Symbol;

typedef struct {
    int64_t n_sessions;
    const int64_t *opens, *closes;
    Symbol *symbols;
    double (*rings)[FRAMES][RING];
} Market;

static inline double minimum(double a, double b) { return a < b ? a : b; }

/* Sum of the first values until the seed, then the average. */
static inline double ema(double state, double price, int64_t n, int period, double *value) {
    if (n + 1 < period) {
        *value = NAN;
        return state + price;
    }
    if (n + 1 == period) return *value = (state + price) / period;
    return *value = (price - state) * (2.0 / (period + 1)) + state;
}

static inline double sma(double sum, double price, int64_t n, int period) {
    return n + 1 < period ? NAN : (sum + price) / period;
}

/* Every indicator of timeframe j with `price` as its close; `closes` keeps the state, too. */
static inline void indicators(Symbol *s, int j, double price, int closes) {
    int64_t n = s->count[j];
    s->value[SMA_SHORT][j] = sma(s->short_sum[j], price, n, SHORT_SMA);
    s->value[SMA_LONG][j] = sma(s->long_sum[j], price, n, LONG_SMA);
    double average = ema(s->ema[j], price, n, EMA_PERIOD, &s->value[EMA][j]);

    double gain = 0.0, loss = 0.0, index = NAN;
    if (n > 0) {
        double change = price - s->previous[j];
        double up = change > 0.0 ? change : 0.0, down = change < 0.0 ? -change : 0.0;
        if (n < RSI_PERIOD) {
            gain = s->gain[j] + up;
            loss = s->loss[j] + down;
        } else {
            int kept = n == RSI_PERIOD ? 1 : RSI_PERIOD - 1;
            gain = (s->gain[j] * kept + up) / RSI_PERIOD;
            loss = (s->loss[j] * kept + down) / RSI_PERIOD;
            double moved = gain + loss;
            index = moved < NOTHING_MOVED ? 50.0 : 100.0 * (gain / moved);
        }
    }
    s->value[RSI][j] = index;

    double fast = s->fast[j], slow, signal = s->signal[j], ignored, line = NAN, smoothed = NAN;
    if (n >= SLOW - FAST) fast = ema(fast, price, n - (SLOW - FAST), FAST, &ignored);
    slow = ema(s->slow[j], price, n, SLOW, &ignored);
    if (n >= SLOW - 1) {
        signal = ema(signal, fast - slow, n - (SLOW - 1), SIGNAL, &smoothed);
        if (n >= SLOW + SIGNAL - 2) line = fast - slow;
    }
    s->value[LINE][j] = line;
    s->value[AVERAGE][j] = smoothed;
    s->value[HISTOGRAM][j] = line - smoothed;

    if (closes) {
        s->ema[j] = average;
        s->gain[j] = gain;
        s->loss[j] = loss;
        s->fast[j] = fast;
        s->slow[j] = slow;
        s->signal[j] = signal;
    }
}

static double last_of_ring(const double *ring, int count) {
    double sum = 0.0;
    for (int i = RING - count; i < RING; i++) sum += ring[i];
    return sum;
}

/* The close into the ring and the sums; summed anew once round, as the engine does. */
static void push_close(Market *m, int64_t k, int j, double close) {
    Symbol *s = &m->symbols[k];
    double *ring = m->rings[k][j];
    int64_t n = s->count[j];
    s->short_sum[j] += close;
    s->long_sum[j] += close;
    if (n >= SHORT_SMA - 1) s->short_sum[j] -= ring[(n - (SHORT_SMA - 1)) % RING];
    if (n >= LONG_SMA - 1) s->long_sum[j] -= ring[(n - (LONG_SMA - 1)) % RING];
    ring[n % RING] = close;
    if (n % RING == RING - 1) {
        s->short_sum[j] = last_of_ring(ring, SHORT_SMA - 1);
        s->long_sum[j] = last_of_ring(ring, LONG_SMA - 1);
    }
    s->previous[j] = close;
    s->count[j] = n + 1;
}

static void close_due(Market *m, int64_t k, int64_t time) {
    Symbol *s = &m->symbols[k];
    int64_t next = NEVER;
    for (int j = 0; j < FRAMES; j++) {
        if (s->end[j] <= s->closed_end[j]) continue;
        if (s->end[j] > time) {
            if (s->end[j] < next) next = s->end[j];
            continue;
        }
        indicators(s, j, s->bar_close[j], 1);
        push_close(m, k, j, s->bar_close[j]);
        s->closed_end[j] = s->end[j];
    }
    s->next_end = next;
}

static void open_bar(Symbol *s, int j, int64_t time, double price) {
    s->start[j] = s->session_open;
    s->end[j] = s->session_close;
    if (DURATIONS[j]) {
        s->start[j] += (time - s->session_open) / DURATIONS[j] * DURATIONS[j];
        if (s->start[j] + DURATIONS[j] < s->end[j]) s->end[j] = s->start[j] + DURATIONS[j];
    }
    s->bar_open[j] = s->bar_high[j] = s->bar_low[j] = price;
    s->volume[j] = 0.0;
    if (s->end[j] < s->next_end) s->next_end = s->end[j];
}

static int find_session(const Market *m, Symbol *s, int64_t time) {
    int64_t low = 0, high = m->n_sessions;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (m->closes[middle] <= time) low = middle + 1;
        else high = middle;
    }
    if (low == m->n_sessions || time < m->opens[low]) return 0;
    s->session_open = m->opens[low];
    s->session_close = m->closes[low];
    return 1;
}

/* A tick at a level: +1, -1, 0 for crossed up, crossed down, neither. */
static inline int touch(int32_t *trigger, double price, double level, double band) {
    int32_t before = *trigger;
    int passed = price >= level, far_above = price >= level + band, far_below = price <= level - band;
    if (!(before & KNOWN)) {
        *trigger = KNOWN | ARMED | (passed ? ABOVE : 0);
        return 0;
    }
    if (before & ABOVE) {
        if (before & ARMED ? !passed : far_below) {
            *trigger = KNOWN | (far_below ? ARMED : 0);
            return -1;
        }
        *trigger = before | (far_above ? ARMED : 0);
        return 0;
    }
    if (before & ARMED ? passed : far_above) {
        *trigger = KNOWN | ABOVE | (far_above ? ARMED : 0);
        return 1;
    }
    *trigger = before | (far_below ? ARMED : 0);
    return 0;
}

/* Takes the ticks; returns how many crossings it wrote, of which there is room for `room`. */
int64_t market_step(Market *m, const Tick *ticks, int64_t n, Crossing *out, int64_t room) {
    int64_t written = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t time = ticks[i].time, k = ticks[i].symbol;
        double price = ticks[i].price;
        Symbol *s = &m->symbols[k];
        if (!(price > 0.0 && price < INFINITY)) continue;
        if (!(s->session_open <= time && time < s->session_close) && !find_session(m, s, time)) continue;
        if (time < s->closed_end[0]) continue;
        if (time >= s->next_end) close_due(m, k, time);
        for (int j = 0; j < FRAMES; j++) {
            if (s->end[j] <= s->closed_end[j]) open_bar(s, j, time, price);
            if (price > s->bar_high[j]) s->bar_high[j] = price;
            s->bar_low[j] = minimum(s->bar_low[j], price);
            s->bar_close[j] = price;
            s->volume[j] += ticks[i].size;
            indicators(s, j, price, 0);
        }
        s->last = price;
        for (int l = 0; l < LEVELS; l++) {
            int crossed = touch(&s->trigger[l], price, s->level[l], s->band[l]);
            if (crossed && written < room) out[written++] = (Crossing){time, (int32_t)k, l, crossed > 0};
        }
    }
    return written;
}

/* History: closed bars of one timeframe, of which the last ended at `end`. */
void market_warm(Market *m, int64_t k, int j, const double *closes, int64_t n, int64_t end) {
    for (int64_t i = 0; i < n; i++) {
        indicators(&m->symbols[k], j, closes[i], 1);
        push_close(m, k, j, closes[i]);
    }
    m->symbols[k].end[j] = m->symbols[k].closed_end[j] = end;
}

void market_values(const Market *m, int64_t k, double *out) {
    for (int v = 0; v < VALUES; v++)
        for (int j = 0; j < FRAMES; j++) *out++ = m->symbols[k].value[v][j];
}

int64_t market_tick_size(void) { return sizeof(Tick); }

/* `levels` and `bands`: six a symbol. The sessions must outlive the market. */
Market *market_open(int64_t n, const double *levels, const double *bands, const int64_t *opens, const int64_t *closes,
                    int64_t n_sessions) {
    Market *m = calloc(1, sizeof *m);
    m->n_sessions = n_sessions;
    m->opens = opens;
    m->closes = closes;
    m->symbols = calloc(n, sizeof *m->symbols);
    m->rings = calloc(n, sizeof *m->rings);
    for (int64_t k = 0; k < n; k++) {
        m->symbols[k].next_end = NEVER;
        for (int l = 0; l < LEVELS; l++) {
            m->symbols[k].level[l] = levels[k * LEVELS + l];
            m->symbols[k].band[l] = bands[k * LEVELS + l];
        }
    }
    return m;
}

void market_close(Market *m) {
    free(m->rings);
    free(m->symbols);
    free(m);
}
