-- Writes a session's record for its owner, or one that is not there yet; keeps it alive.
-- KEYS 1 the session (hash: owner, fence, meta, state)
-- ARGV 1 owner, 2 fence, 3 time to live in ms, 4 "meta" or "alive", 5 the meta
-- Answer: 1, or 0 if it belongs to another; without meta also if it is not there or an older life's
local stored = redis.call('HMGET', KEYS[1], 'owner', 'fence')
if stored[1] then
  -- A write that is never refused; after it none is, also where Redis is full.
  redis.call('HDEL', KEYS[1], '')
  -- A lower fence than ours is an older life, which a store that lost its data may show.
  if tonumber(stored[2]) > tonumber(ARGV[2]) then
    return 0
  end
  if tonumber(stored[2]) == tonumber(ARGV[2]) and stored[1] ~= ARGV[1] then
    return 0
  end
elseif ARGV[4] ~= 'meta' then
  return 0
end
if ARGV[4] == 'alive' and (stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2]) then
  -- An older life's: who writes it whole takes it back.
  return 0
end
if ARGV[4] == 'meta' then
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', ARGV[2], 'meta', ARGV[5])
  redis.call('HDEL', KEYS[1], 'state')
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
