-- What became of alerts at one receiver, acknowledged and noted as one; each once, even if its answer was lost
-- and it is asked for again: what is acknowledged already is passed over. (But for entries that the stream has no
-- more, without json: Redis 7 dropped them from what is pending as they were taken over.)
-- KEYS    alerts, resend, dead, deliveries
-- ARGV    group, deliveries kept, dead letters kept, then id, json, outcome, detail, receipt, '1' for a dead letter, n, and
--         n times '1' (alerts) or '2' (resend) and the entry, of each alert
local i = 4
while i <= #ARGV do
  local id, json, outcome, detail, receipt, dead, n = unpack(ARGV, i, i + 6)
  local acknowledged = 0
  for j = i + 7, i + 5 + 2 * n, 2 do
    local stream, entry = tonumber(ARGV[j]), ARGV[j + 1]
    acknowledged = acknowledged + redis.call('XACK', KEYS[stream], ARGV[1], entry)
    if stream == 2 then
      redis.call('XDEL', KEYS[2], entry)
    end
  end
  if acknowledged > 0 or json == '' then
    local delivery = {'id', id, 'receiver', ARGV[1], 'outcome', outcome}
    if detail ~= '' then
      table.insert(delivery, 'detail')
      table.insert(delivery, detail)
    end
    if receipt ~= '' then
      table.insert(delivery, 'receipt')
      table.insert(delivery, receipt)
    end
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[2], '*', unpack(delivery))
    if dead == '1' then
      redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'id', id, 'json', json, 'reason', detail)
    end
  end
  i = i + 7 + 2 * n
end
