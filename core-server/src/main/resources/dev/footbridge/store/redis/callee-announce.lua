-- Says how many callees of a procedure a node has, and tells the nodes that remember otherwise.
-- KEYS 1 callees (hash: node -> how many; of the node with no name 0, where there was one lately)
-- ARGV 1 topic   2 PUBLISH or SPUBLISH   3 the procedure's name   4 node   5 how many   6 life in milliseconds
-- answer: 1 if that is news, else 0
-- Published: the procedure's name
local before = redis.call('HGET', KEYS[1], ARGV[4])
if ARGV[5] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[4])
  if not before then
    return 0
  end
  if redis.call('HLEN', KEYS[1]) == 0 then
    -- The last one has gone; for longer than a call waits for another it is known that there was one.
    redis.call('HSET', KEYS[1], '', '0')
    redis.call('PEXPIRE', KEYS[1], 10000)
  end
else
  redis.call('HDEL', KEYS[1], '')
  redis.call('HSET', KEYS[1], ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  if before == ARGV[5] then
    return 0
  end
end
redis.call(ARGV[2], ARGV[1], ARGV[3])
return 1
