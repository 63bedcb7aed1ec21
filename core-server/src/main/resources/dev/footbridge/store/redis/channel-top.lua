-- Tells where a channel stands.
-- KEYS 1 meta; see channel-publish.lua
-- Answer: {epoch, top}; the epoch is empty if there is no such channel
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'top')
return {stored[1] or '', stored[2] or '0'}
