-- Appends a message to a channel's log, trims the log and tells everybody; or finds the place of
-- the message that was appended with the same key.
-- KEYS 1 meta (hash: epoch, top; of what is kept: first = offset of the oldest, oldest = its time
--      in ms, bytes = octets of all messages)
--      2 log (stream: OFFSET-0 -> t = time in ms, m = message)
--      3 what shows that this was appended: its idempotency key ("EPOCH:OFFSET"); or, if it has
--        none, the mark of its node (the number of what the node appended last without one)
--      4 what shows that of the one which must have been appended before, if there is one
-- ARGV 1 the message up to its offset, 2 the message from there up to its time, 3 epoch if the log
--      begins now, 4 to 6 what is kept: messages, octets, age in ms, 7 life of meta in ms, 8 life
--      of key 3 in ms, 9 PUBLISH or SPUBLISH, 10 topic, 11 and 12 the epoch and offset of the
--      last message that the node has seen, if it has seen any, 13 its number, if it has no idempotency
--      key, 14 the number of the one before, if that has none
-- Answer: "EPOCH:OFFSET", or 0 if the one before was not appended, and so neither was this
-- Publishes: "mEPOCH:OFFSET:" and the message
if ARGV[13] == '' then
  local place = redis.call('GET', KEYS[3])
  if place then
    return place
  end
end
if KEYS[4] then
  local before = redis.call('GET', KEYS[4])
  if not before or (ARGV[14] ~= '' and before ~= ARGV[14]) then
    return 0
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, bytes, age = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local function text(number)
  return string.format('%.0f', number)
end

local stored = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'first', 'oldest', 'bytes')
local epoch = stored[1]
if not epoch then
  epoch = ARGV[3]
  stored = {}
  -- What a lost meta has left behind is of no epoch any more. Only where there is something: after
  -- a DEL nothing is refused that follows, and a full Redis has to refuse this.
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('DEL', KEYS[2])
  end
end
if epoch == ARGV[11] and tonumber(stored[2] or 0) < tonumber(ARGV[12]) then
  -- The end of the log is lost, and its numbers must not be given out again: the epoch ends.
  epoch = ARGV[3]
end
local offset = (tonumber(stored[2] or 0)) + 1
local message = ARGV[1] .. text(offset) .. ARGV[2] .. text(now) .. '}'

local first, oldest, kept = offset, now, 0
if count > 0 and bytes > 0 and age > 0 then
  -- A log that is not there has expired as a whole.
  if stored[3] and redis.call('EXISTS', KEYS[2]) == 1 then
    first, oldest, kept = tonumber(stored[3]), tonumber(stored[4]), tonumber(stored[5])
  end
  redis.call('XADD', KEYS[2], text(offset) .. '-0', 't', text(now), 'm', message)
  kept = kept + #message
  local function beyond()
    return first <= offset
      and (offset - first >= count or kept > bytes or oldest < now - age)
  end
  local before = first
  local step = 2
  while beyond() do
    -- One more than is dropped is read: its time is that of the oldest from then on.
    local entries = redis.call('XRANGE', KEYS[2], text(first) .. '-0', '+', 'COUNT', step)
    if #entries < 2 and first < offset then
      -- Somebody else has taken entries out of the log: what is left is the new one.
      first, oldest, kept = offset, now, #message
    end
    local at = 1
    while beyond() and (entries[at + 1] or first == offset) do
      kept = kept - #entries[at][2][4]
      first = first + 1
      at = at + 1
      oldest = entries[at] and tonumber(entries[at][2][2]) or now
    end
    step = math.min(step * 2, 64)
  end
  if first > before then
    redis.call('XTRIM', KEYS[2], 'MINID', '=', text(first) .. '-0')
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
else
  redis.call('DEL', KEYS[2])
  first = offset + 1
end

redis.call('HSET', KEYS[1], 'epoch', epoch, 'top', text(offset), 'first', text(first),
  'oldest', text(oldest), 'bytes', text(kept))
redis.call('PEXPIRE', KEYS[1], ARGV[7])
local place = epoch .. ':' .. text(offset)
redis.call('SET', KEYS[3], ARGV[13] == '' and place or ARGV[13], 'PX', ARGV[8])
redis.call(ARGV[9], ARGV[10], 'm' .. place .. ':' .. message)
return place
