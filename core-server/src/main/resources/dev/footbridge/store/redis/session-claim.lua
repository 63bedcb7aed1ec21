-- Makes a node the owner of a session, if the owner is still the expected one.
-- KEYS 1 the session; see session-put.lua
-- ARGV 1 node, 2 expected owner, 3 expected fence, 4 time to live in ms
-- Answer: {new fence, meta, state or nothing}, or nothing if it has another owner or has gone
local stored = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'meta', 'state')
if stored[1] ~= ARGV[2] or stored[2] ~= ARGV[3] then
  return false
end
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('HDEL', KEYS[1], '')
local fence = tonumber(stored[2]) + 1
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', string.format('%.0f', fence))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
-- Released to nobody; or claimed by the same node, which did not hear of it. It stays until that one
-- writes. Of another owner's time it would be old.
if ARGV[2] == '' or ARGV[2] == ARGV[1] then
  return {fence, stored[3], stored[4]}
end
redis.call('HDEL', KEYS[1], 'state')
return {fence, stored[3], false}
