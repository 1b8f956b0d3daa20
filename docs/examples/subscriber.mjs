// Alerts of tapewatch in a program of yours: live, or every one of them. Needs Node 20, and `npm install redis`, 6.3 or
// later.
//
// node subscriber.mjs live unix:///home/me/.local/state/tapewatch/sp500/redis/redis.sock sp500
// node subscriber.mjs all redis://127.0.0.1:6379 sp500 [FILE]
//
// `live` listens to the channel: each alert as it is committed, and none of those that came while nobody listened.
// `all` reads the stream and keeps in a file (seen.txt) how far it came, so that it misses none, whoever was away. Both
// end on Ctrl-C or SIGTERM, and come back by themselves when Redis does.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { createClient, ErrorReply } from "redis";

const [mode, url, name, file = "seen.txt"] = process.argv.slice(2);
if (!["live", "all"].includes(mode) || !name) {
  console.error("node subscriber.mjs live|all URL NAME [FILE]");
  process.exit(1);
}
let stopping = false;

/** Yours: what is to be done about an alert. Its fields are in docs/alerts.md. */
function handle(alert) {
  console.log(alert.time, alert.subject, alert.type, alert.data.price);
}

/** Each alert as it is committed. The library subscribes again when Redis is back. */
async function live(redis) {
  await redis.pSubscribe(`tapewatch:${name}:alerts:*`, (json) => handle(JSON.parse(json)));
}

/**
 * Every alert that the stream still holds, the newest 100,000, and then each as it is committed.
 *
 * An alert whose id was seen is not handled again: a Redis that lost its last second gets it from tapewatch anew. A
 * crash between `handle` and the line in the file has the last alert come twice: only `handle` could prevent that.
 */
async function allOfThem(redis) {
  const seen = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  let last = seen.at(-1)?.split(" ")[0] ?? "0"; // an entry of the stream
  const ids = new Set(seen.map((line) => line.split(" ").at(-1)));
  while (!stopping) {
    const from = { key: `tapewatch:{${name}}:alerts`, id: last };
    const streams = await redis.xRead(from, { COUNT: 100, BLOCK: 1000 }).catch(waitIfAway);
    for (const { id, message } of streams?.[0].messages ?? []) {
      if (!ids.has(message.id)) handle(JSON.parse(message.json));
      ids.add(message.id);
      last = id;
      appendFileSync(file, `${last} ${message.id}\n`);
    }
  }
}

/** What a read that fails gives: nothing, and a second to come back. What Redis refuses is a mistake, and ends this. */
async function waitIfAway(error) {
  if (error instanceof ErrorReply) throw error;
  if (!stopping) await pause(1000);
}

const redis = createClient({
  url,
  pingInterval: 5000, // a line that is cut is noticed after 10 s
  socket: { reconnectStrategy: 1000, socketTimeout: 10_000 },
  maintNotifications: "disabled", // of Redis Enterprise; with it, redis 6.3 cannot read unix://user:password@/path
});
redis.on("error", (error) => stopping || console.error(`Redis is away: ${error.message || error.code}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    stopping = true;
    redis.destroy();
  });
}

try {
  await redis.connect();
  await (mode === "live" ? live(redis) : allOfThem(redis));
} catch (error) {
  if (!stopping) throw error;
}
