-- Drops the oldest alerts, and their ids with them; at most ARGV[2] in one call, so that nobody waits long.
-- KEYS    alerts, ids
-- ARGV    how many alerts to keep, how many to drop at most
-- Returns how many remain to be dropped
local length = redis.call('XLEN', KEYS[1])
local over = length - tonumber(ARGV[1])
if over <= 0 then
  return 0
end
local drop = math.min(over, tonumber(ARGV[2]))
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', drop)) do
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'id' then
      redis.call('SREM', KEYS[2], fields[i + 1])
    end
  end
end
redis.call('XTRIM', KEYS[1], 'MAXLEN', length - drop)
return over - drop
