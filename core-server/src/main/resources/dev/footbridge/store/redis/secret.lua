-- A secret that all nodes share: the proposal of whoever came first.
-- KEYS 1 the secret
-- ARGV 1 a proposal
-- Answer: the secret
-- A write that is never refused; after it none is, also where Redis is full.
redis.call('PERSIST', KEYS[1])
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
