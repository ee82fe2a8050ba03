-- Stores records where the rule of judge-store.ts lets them (D45). KEYS 1 beginning of record keys, 2 beginning of fences.
-- ARGV for each: id; record; words in one: how many arguments there are of it, ms to live (0 = for ever), retries and claim
-- (both - = no fence), state; and, of five, the record and its state that the client read.
-- Answers for each 1 = stored or there already, 0 = refused, or the stored record, whose state cannot be read here.
local FINAL = { SUCCESS = true, FAILURE = true, REVOKED = true }

-- JSON, as Python and we write it, begins with the state; else whoever can read it says what it is.
local function state_of(stored, read, state)
  local found = string.match(stored, '^{%s*"status":%s*"([^"\\]*)"')
  if found then return found end
  if stored == read then return state end
  return nil
end

local answers = {}
local at = 1
while at <= #ARGV do
  local key, mark = KEYS[1] .. ARGV[at], KEYS[2] .. ARGV[at]
  local record = ARGV[at + 1]
  local count, live, retries, claim, state = string.match(ARGV[at + 2], '^(%d) (%S+) (%S+) (%S+) (.*)$')
  local own, read, read_state = nil, nil, nil
  if retries ~= '-' then own = retries .. ' ' .. claim end
  if count == '5' then read, read_state = ARGV[at + 3], ARGV[at + 4] end
  at = at + tonumber(count)
  live, retries, claim = tonumber(live), tonumber(retries), tonumber(claim)
  local stored = redis.call('GET', key)
  local fence = redis.call('GET', mark)
  local before, answer = nil, 1
  if stored then
    before = state_of(stored, read, read_state)
    local older, same = false, false
    if fence and retries then
      local r, c = string.match(fence, '^(%d+) (%d+)')
      r, c = tonumber(r), tonumber(c)
      older = retries < r or (retries == r and claim < c)
      same = retries == r and claim == c
    end
    if not before then answer = stored
    elseif older then answer = 0
    elseif before == 'SUCCESS' then answer = (state == 'SUCCESS' and same) and 2 or 0
    elseif FINAL[before] and not FINAL[state] then answer = 0
    end
  end
  if answer == 1 then
    if live > 0 then redis.call('SET', key, record, 'PX', live) else redis.call('SET', key, record) end
    if own then fence = own elseif not stored then fence = false end
    if not fence then redis.call('DEL', mark)
    elseif live > 0 then redis.call('SET', mark, fence, 'PX', live)
    else redis.call('SET', mark, fence) end
    redis.call('PUBLISH', key, record)
  end
  if answer == 2 then answer = 1 end
  answers[#answers + 1] = answer
end
return answers
