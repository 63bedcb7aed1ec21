-- Gives a channel whose log has gone back another epoch, so that its old numbers mean nothing any
-- more; once, however many nodes find it.
-- KEYS 1 meta; see channel-publish.lua
-- ARGV 1 the epoch that is over, 2 the epoch that begins
-- Answer: 1, or 0 if it has another epoch already
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
return 1
