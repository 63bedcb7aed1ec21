-- A secret that all nodes share: the proposal of whoever came first.
-- KEYS 1 the secret
-- ARGV 1 a proposal
-- Answer: the secret
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
