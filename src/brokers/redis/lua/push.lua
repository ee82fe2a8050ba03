-- Publishes, each publish id once (D05). KEYS 1 beginning of the keys of publish ids, 2 delayed, 3 delayed.messages.
-- ARGV for each: publish id, due (epoch ms, 0 = now), lists or -1 for a channel, lists or channel, message.
-- Answers one character each: 1 = accepted, 0 = known already, x = refused; then what was wrong.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- An id is known for one to two minutes; who opens a minute drops the one before the last.
local minute = math.floor(now / 60000)
local current, previous = KEYS[1] .. minute, KEYS[1] .. (minute - 1)
local opens = redis.call('EXISTS', current) == 0
local outcomes, wrong = {}, ''
local at = 1
while at <= #ARGV do
  local id, due, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local targets = math.abs(count)
  local message = ARGV[at + 3 + targets]
  local outcome = 1
  if redis.call('SISMEMBER', previous, id) == 1 or redis.call('SADD', current, id) == 0 then
    outcome = 0
  elseif count < 0 then
    redis.call('PUBLISH', ARGV[at + 3], message)
  else
    for i = 1, targets do
      local list = ARGV[at + 2 + i]
      if due > now then
        local mine = id .. ':' .. i
        redis.call('HSET', KEYS[3], mine, 'L' .. list .. '\n' .. message)
        redis.call('ZADD', KEYS[2], due, mine)
      else
        local pushed = redis.pcall('LPUSH', list, message)
        if type(pushed) ~= 'number' then
          redis.call('SREM', current, id)
          outcome, wrong = 'x', pushed.err .. ' (key ' .. list .. ')'
          break
        end
      end
    end
  end
  outcomes[#outcomes + 1] = outcome
  at = at + 4 + targets
end
if opens then
  redis.call('EXPIRE', current, 180)
  redis.call('UNLINK', KEYS[1] .. (minute - 2))
end
return { table.concat(outcomes), wrong }
