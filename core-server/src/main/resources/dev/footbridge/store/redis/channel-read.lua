-- Reads a piece of a channel's log. A channel that is not there is made, so that the place that is
-- answered stays true; for a short time only, unless it is kept.
-- KEYS 1 meta, 2 log; see channel-publish.lua
-- ARGV 1 epoch if the log begins now, 2 least life of meta in ms, 3 life of meta in ms from now on
--      if it is kept alive, else 0, 4 and 5 epoch and offset that the piece comes after, epoch empty
--      for the newest, 6 messages at most, 7 age in ms of what is not read any more,
--      8 octets of messages after which no more are read
-- Answer: {epoch, top, 1 if the log reaches back to the place or else 0, time in ms of the message
--      at the place, or at the top if it is not reached or not given, offset of the first message,
--      messages …}; the time is empty if it is not known
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'first', 'oldest')
local epoch, top = stored[1], tonumber(stored[2] or 0)
if not epoch then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'top', '0')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end

local limit = tonumber(ARGV[6])
local octets = tonumber(ARGV[8])
local time = redis.call('TIME')
local horizon = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[7]

-- Reads entries, a few at a time as it is not known how large they are, up to the bounds.
local function read(command, from, to)
  local found, size, step = {}, 0, 16
  while #found < limit and size < octets do
    step = math.min(step, limit - #found)
    local entries = redis.call(command, KEYS[2], from, to, 'COUNT', step)
    for _, entry in ipairs(entries) do
      if tonumber(entry[2][2]) < horizon or size >= octets then
        return found
      end
      found[#found + 1] = entry
      size = size + #entry[2][4]
    end
    if #entries < step then
      return found
    end
    from = '(' .. entries[#entries][1]
    step = step * 2
  end
  return found
end

local function timeOf(offset)
  local id = string.format('%.0f-0', offset)
  local message = redis.call('XRANGE', KEYS[2], id, id)[1]
  if message then
    return string.match(message[2][4], '(%d+)}$')
  end
  -- Where nothing is kept, the oldest time is that of the last message.
  return offset == top and stored[3] and tonumber(stored[3]) > top and stored[4] or ''
end

if ARGV[4] == '' then
  local entries = read('XREVRANGE', '+', '-')
  local answer = {epoch, top, 1, timeOf(top), entries[1] and entries[#entries][1] or ''}
  for at = #entries, 1, -1 do
    answer[#answer + 1] = entries[at][2][4]
  end
  return answer
end

local since = tonumber(ARGV[5])
if ARGV[4] ~= epoch or since > top then
  return {epoch, top, 0, timeOf(top), ''}
end
if since == top then
  return {epoch, top, 1, timeOf(top), ''}
end
local first = string.format('%.0f-0', since + 1)
local oldest = redis.call('XRANGE', KEYS[2], first, first)[1]
if not oldest or tonumber(oldest[2][2]) < horizon then
  return {epoch, top, 0, timeOf(top), ''}
end
local answer = {epoch, top, 1, timeOf(since), first}
for _, entry in ipairs(read('XRANGE', first, '+')) do
  answer[#answer + 1] = entry[2][4]
end
return answer
