-- Renews the lease of the one who has it, or had it last and was not followed by another.
-- KEYS    lease, commit
-- ARGV    who, ms for which it is good, fencing token
-- Returns whether it was renewed
local held = redis.call('GET', KEYS[1])
local last = not held and tonumber(redis.call('HGET', KEYS[2], 'token') or '0') <= tonumber(ARGV[3])
if held ~= ARGV[1] and not last then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
