-- Takes the lease if nobody else has it.
-- KEYS    lease
-- ARGV    who, ms for which it is good
-- Returns whether it was taken
local held = redis.call('GET', KEYS[1])
if held and held ~= '' and held ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
