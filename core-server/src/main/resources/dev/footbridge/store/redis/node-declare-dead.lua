-- Declares a node dead if its lease has ended; it can never renew it afterwards.
-- KEYS 1 leases, 2 nodes, 3 departed; see node-renew.lua
-- ARGV 1 node, 2 who declares it dead, or empty if it goes of itself, 3 how much longer its lease
--      counts, in ms, if it does not know that one
-- Answer: ms until it may be declared dead, 0 if it is dead
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  return 0
end
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and ARGV[2] ~= '' then
  if redis.call('ZSCORE', KEYS[3], ARGV[2]) then
    -- Who is dead itself declares nobody dead; it finds out with its next renewal.
    return 1000
  end
  local known = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '|([^|]*)$') or ''
  if not string.find(',' .. known .. ',', ',' .. ARGV[2] .. ',', 1, true) then
    ends = ends + ARGV[3]
  end
  if tonumber(ends) >= now then
    return math.max(1, tonumber(ends) - now)
  end
end
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[1])
return 0
