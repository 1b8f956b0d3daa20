-- Moves dead letters to where they are sent again, each whole or not at all; one that is gone is passed over.
-- KEYS    dead, resend
-- ARGV    entries of dead
-- Returns how many it moved
local moved = 0
for _, entry in ipairs(ARGV) do
  local letter = redis.call('XRANGE', KEYS[1], entry, entry)[1]
  if letter then
    redis.call('XADD', KEYS[2], '*', unpack(letter[2]))
    redis.call('XDEL', KEYS[1], entry)
    moved = moved + 1
  end
end
return moved
