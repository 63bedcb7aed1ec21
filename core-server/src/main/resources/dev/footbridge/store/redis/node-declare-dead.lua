-- Declares a node dead if its lease has ended; it can never renew it afterwards.
-- KEYS 1 leases, 2 nodes, 3 departed; see node-renew.lua
-- ARGV 1 node, 2 "leave" if it is the node itself that goes
-- Answer: ms that are left of the lease, 0 if the node is dead
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  return 0
end
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and ARGV[2] ~= 'leave' and tonumber(ends) >= now then
  return math.max(1, tonumber(ends) - now)
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[1])
return 0
