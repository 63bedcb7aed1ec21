-- Gives a session up, complete, for whoever claims it; again as long as nobody has, since the answer may be lost.
-- KEYS 1 the session; see session-put.lua
-- ARGV 1 owner, 2 fence, 3 time to live in ms, 4 meta, 5 state
-- Answer: 1, or 0 if it belongs to another
local stored = redis.call('HMGET', KEYS[1], 'owner', 'fence')
if stored[1] and ((stored[1] ~= ARGV[1] and stored[1] ~= '') or stored[2] ~= ARGV[2]) then
  return 0
end
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'owner', '', 'fence', ARGV[2], 'meta', ARGV[4], 'state', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
