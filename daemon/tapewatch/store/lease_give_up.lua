-- Gives the lease up: an empty one may be taken at once.
-- KEYS    lease
-- ARGV    who, ms after which nothing is left of it
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
end
