-- Changes a channel's roster in one step and tells those who follow it.
-- KEYS  1 members (hash: public name -> NODE LF USER LF JSON; USER is a JSON string, empty if anonymous)
--       2 users (hash: USER -> sessions)
--       3 meta (hash: epoch, version, anonymous, node:NODE -> sessions)
-- ARGV  1 topic   2 PUBLISH or SPUBLISH   3 epoch to begin if there is none   4 life in milliseconds
--       5 how many join, then for each its public name and value; then for each who leaves
--       its public name and node
-- answer: 1 if anything changed, else 0
-- Published: p LF epoch LF version LF how many joined, for each LF name LF value, for each who left LF name
local members, users, meta = KEYS[1], KEYS[2], KEYS[3]

-- A write that is never refused; after it none is, also where Redis is full.
redis.call('HDEL', meta, '')
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then
  -- What is left without it was evicted or expired by halves: it cannot be counted on.
  redis.call('DEL', members, users, meta)
  epoch = ARGV[3]
end

local function count(value, change)
  local node, user = string.match(value, '^([^\n]*)\n([^\n]*)\n')
  if user == '' then
    redis.call('HINCRBY', meta, 'anonymous', change)
  elseif redis.call('HINCRBY', users, user, change) <= 0 then
    redis.call('HDEL', users, user)
  end
  if redis.call('HINCRBY', meta, 'node:' .. node, change) <= 0 then
    redis.call('HDEL', meta, 'node:' .. node)
  end
end

local joined, left = {}, {}
local at = 6
for _ = 1, tonumber(ARGV[5]) do
  local id, value = ARGV[at], ARGV[at + 1]
  at = at + 2
  local before = redis.call('HGET', members, id)
  if before ~= value then
    if before then
      count(before, -1)
    end
    count(value, 1)
    redis.call('HSET', members, id, value)
    joined[#joined + 1] = id
    joined[#joined + 1] = value
  end
end
while at < #ARGV do
  local id, node = ARGV[at], ARGV[at + 1]
  at = at + 2
  local value = redis.call('HGET', members, id)
  -- Who has moved to another node meanwhile has not left.
  if value and string.sub(value, 1, #node + 1) == node .. '\n' then
    count(value, -1)
    redis.call('HDEL', members, id)
    left[#left + 1] = id
  end
end

if redis.call('EXISTS', members) == 1 then
  redis.call('HSET', meta, 'epoch', epoch)
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[4])
  end
elseif redis.call('EXISTS', meta) == 1 then
  -- The version outlives the last member for a minute, for those who are just coming.
  redis.call('HSET', meta, 'epoch', epoch)
  redis.call('PEXPIRE', meta, 60000)
end
if #joined == 0 and #left == 0 then
  return 0
end

local version = redis.call('HINCRBY', meta, 'version', 1)
local said = { 'p', epoch, tostring(version), tostring(#joined / 2) }
for _, part in ipairs(joined) do
  said[#said + 1] = part
end
for _, part in ipairs(left) do
  said[#said + 1] = part
end
redis.call(ARGV[2], ARGV[1], table.concat(said, '\n'))
return 1
