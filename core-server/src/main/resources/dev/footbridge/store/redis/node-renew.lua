-- Begins or renews a node's lease, and tells who the nodes are.
-- KEYS 1 leases (sorted set: node -> end in ms), 2 nodes (hash: node -> "draining|address|the nodes that it knows, with commas between"),
--      3 departed (sorted set: node -> when in ms)
-- ARGV 1 node, 2 address, 3 draining (0|1), 4 lease in ms, 5 how long departed nodes are known, ms,
--      6 the nodes that it knows, with commas between
-- Answer: {renewed (1|0), whether it was known before (1|0), {id, what nodes has of it, ms left, …}, {id, ms since it departed, …}}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[5])
local renewed = 0
local known = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  renewed = 1
  redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] .. '|' .. ARGV[2] .. '|' .. ARGV[6])
end
local peers = {}
local leases = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  local about = redis.call('HGET', KEYS[2], leases[i])
  if about then
    table.insert(peers, leases[i])
    table.insert(peers, about)
    table.insert(peers, string.format('%.0f', leases[i + 1] - now))
  end
end
local departed = {}
local gone = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
for i = 1, #gone, 2 do
  table.insert(departed, gone[i])
  table.insert(departed, string.format('%.0f', now - gone[i + 1]))
end
return {renewed, known, peers, departed}
