-- Which tokens are still held. KEYS 1 unacked. ARGV tokens. Answers one character each.
local held = {}
for i, token in ipairs(ARGV) do held[i] = redis.call('HEXISTS', KEYS[1], token) end
return table.concat(held)
