-- Reads a channel's roster. Changes nothing.
-- KEYS  1 members  2 users  3 meta, as in presence-change.lua
-- ARGV  1 members at most; -1 for all
-- answer: epoch (empty if there is none), version, sessions, users, {node, ...}, {name, value, ...}
local members, users, meta = KEYS[1], KEYS[2], KEYS[3]
local state = redis.call('HMGET', meta, 'epoch', 'version', 'anonymous')
local nodes = {}
for _, field in ipairs(redis.call('HKEYS', meta)) do
  if string.sub(field, 1, 5) == 'node:' then
    nodes[#nodes + 1] = string.sub(field, 6)
  end
end
local limit = tonumber(ARGV[1])
local some = {}
if limit < 0 then
  some = redis.call('HGETALL', members)
else
  local cursor = '0'
  while #some < limit * 2 do
    local page = redis.call('HSCAN', members, cursor, 'COUNT', math.max(10, limit))
    for _, part in ipairs(page[2]) do
      if #some < limit * 2 then
        some[#some + 1] = part
      end
    end
    cursor = page[1]
    if cursor == '0' then
      break
    end
  end
end
local count = redis.call('HLEN', members)
local people = redis.call('HLEN', users) + tonumber(state[3] or '0')
return { state[1] or '', tonumber(state[2] or '0'), count, people, nodes, some }
