-- Forgets a session that has ended, if it still belongs to the owner.
-- KEYS 1 the session; see session-put.lua
-- ARGV 1 owner, 2 fence
-- Answer: 1 if it was forgotten, else 0
local stored = redis.call('HMGET', KEYS[1], 'owner', 'fence')
if stored[1] == ARGV[1] and stored[2] == ARGV[2] then
  return redis.call('DEL', KEYS[1])
end
return 0
