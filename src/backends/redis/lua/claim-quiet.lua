-- Chords of which nobody has heard for long (backends/quiet-chord.ts). KEYS 1 quiet chords, 2 beginning of what is kept of each,
-- 3 beginning of groups. ARGV 1 ms of quiet, 2 ms that whoever gets one has it to himself, 3 the most of it, 4 how many.
-- Answers for each: chord, memo, ms of quiet, size, 'ours', 'foreign' or 'waiting', its parts or the ids of those that have come.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local quiet, hold, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local answers = {}

local function parts_of(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' then return redis.call('ZRANGE', key, 0, -1) end
  if kind == 'list' then return redis.call('LRANGE', key, 0, -1) end
  return {}
end

for _, chord in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - quiet, 'LIMIT', 0, ARGV[4])) do
  local kept, group = KEYS[2] .. chord, KEYS[3] .. chord
  local size = tonumber(redis.call('GET', group .. '.s') or 'nan')
  local memo = redis.call('HGET', kept, 'memo')
  if size ~= size or not memo then
    -- Its time is over, or a Python worker has sent the body and removed the count.
    redis.call('ZREM', KEYS[1], chord)
    redis.call('DEL', kept)
  else
    size = size + tonumber(redis.call('GET', group .. '.t') or '0')
    local parts = parts_of(group .. '.j')
    -- Python tells nobody when a part has come.
    if redis.call('HGET', kept, 'count') ~= tostring(#parts) then
      if redis.call('HEXISTS', kept, 'count') == 1 then redis.call('HSET', kept, 'moved', now) end
      redis.call('HSET', kept, 'count', tostring(#parts))
    end
    local still = now - tonumber(redis.call('HGET', kept, 'moved'))
    local wait, state = hold, 'waiting'
    if #parts < size then
      wait = math.min(math.max(still, hold), most)
      for at, part in ipairs(parts) do parts[at] = string.match(part, '^%[1,%s*"([^"\\]+)"') or '' end
    elseif redis.call('HGET', kept, 'complete') == '1' then state = 'ours'
    elseif redis.call('HGET', kept, 'seen') == '1' then state = 'foreign'
    else
      -- The Python worker to whom the last part came may be about to send the body.
      redis.call('HSET', kept, 'seen', '1')
      state = nil
    end
    redis.call('ZADD', KEYS[1], now - quiet + wait, chord)
    if state then answers[#answers + 1] = { chord, memo, still, size, state, parts } end
  end
end
return answers
