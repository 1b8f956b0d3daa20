-- One commit, whole or not at all: snapshots, and the alerts that they fired.
-- KEYS    commit, snapshot, alerts, ids
-- ARGV    token, sequence, the sequence that it follows, 1 if all since that is in it, else 0,
--         n, then n arguments of HSET (field, value, …),
--         then id, channel, json, trace, receivers that have it, of each alert
-- Returns what came of it, and the sequence number (or token) that Redis holds
local held = redis.call('HMGET', KEYS[1], 'token', 'sequence')
local token, sequence = held[1] or '0', held[2] or '0'
local forgot = tonumber(token) < tonumber(ARGV[1]) -- tokens only grow: Redis has lost even our opening
if token ~= ARGV[1] and not forgot then
  return {'fenced', token}
end
if forgot and ARGV[4] == '0' then
  return {'gap', sequence}
end
if sequence == ARGV[2] then
  return {'done', sequence} -- a retry, its first answer was lost
end
if sequence ~= ARGV[3] then
  return {'gap', sequence}
end

local last = 5 + tonumber(ARGV[5])
for first = 6, last, 1000 do -- Lua's stack takes 8,000 at most
  redis.call('HSET', KEYS[2], unpack(ARGV, first, math.min(first + 999, last)))
end
for i = last + 1, #ARGV, 5 do
  local id, channel, json, trace, delivered = unpack(ARGV, i, i + 4)
  if redis.call('SADD', KEYS[4], id) == 1 then
    local entry = {'id', id, 'json', json}
    if trace ~= '' then
      table.insert(entry, 'trace')
      table.insert(entry, trace)
    end
    if delivered ~= '' then
      table.insert(entry, 'delivered')
      table.insert(entry, delivered)
    end
    redis.call('XADD', KEYS[3], '*', unpack(entry))
    redis.call('PUBLISH', channel, json)
  end
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'sequence', ARGV[2])
return {'written', ARGV[2]}
