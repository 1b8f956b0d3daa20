-- Takes over the instance: from here on, whoever opened it earlier is fenced.
-- KEYS    commit, lease
-- ARGV    whose lease it must be; '' where nobody stands by
-- Returns the new fencing token and the sequence number, or nothing if the lease is another's
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {}
end
return {redis.call('HINCRBY', KEYS[1], 'token', 1), redis.call('HGET', KEYS[1], 'sequence') or '0'}
