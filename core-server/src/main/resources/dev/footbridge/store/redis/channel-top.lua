-- Tells where a channel stands, and whether a message is still the one that it was.
-- KEYS 1 meta, 2 log; see channel-publish.lua
-- ARGV 1 offset of the message
-- Answer: {epoch, top, time of the message in ms}; the epoch is empty if there is no such channel,
--      the time if it is not known
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'first', 'oldest')
local top = stored[2] or '0'
local id = ARGV[1] .. '-0'
local message = redis.call('XRANGE', KEYS[2], id, id)[1]
local time = ''
if message then
  time = string.match(message[2][4], '(%d+)}$')
elseif ARGV[1] == top and stored[3] and tonumber(stored[3]) > tonumber(top) then
  -- Where nothing is kept, the oldest time is that of the last message.
  time = stored[4]
end
return {stored[1] or '', top, time}
