-- The nodes that have callees of a procedure.
-- KEYS 1 callees (hash: node -> how many)
-- answer: {node, how many, node, how many, ...}
return redis.call('HGETALL', KEYS[1])
