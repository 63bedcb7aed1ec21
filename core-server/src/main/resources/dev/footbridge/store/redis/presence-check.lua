-- Where a channel's roster is, for those who follow it; keeps it alive while somebody does.
-- KEYS  1 members  2 users  3 meta, as in presence-change.lua
-- ARGV  1 life in milliseconds, or 0 to leave it as it is
-- answer: epoch (empty if there is none), version
local state = redis.call('HMGET', KEYS[3], 'epoch', 'version')
if ARGV[1] ~= '0' and redis.call('EXISTS', KEYS[1]) == 1 then
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
return { state[1] or '', tonumber(state[2] or '0') }
