"""The names of the bus' keys in Redis, and the scripts that change several of them at once.

    events:<producer>            stream of all events of one producer, a group for each consumer
    events.bound:<type>          set of the consumers that want a type
    events.retry:<consumer>      sorted set of failed messages, by the time they are due again
    events.due:<consumer>        stream of those that are due, read by the same group
    events.dead:<consumer>       stream of what the consumer gave up

The scripts name keys that are not in KEYS, which a single server allows and Redis Cluster does not.
"""


def stream_name(type: str) -> str:
    """Return the stream of a type: that of its producer, the type's first segment."""
    return f"events:{type.partition('.')[0]}"


def bound_name(type: str) -> str:
    """Return the set of a type's consumers."""
    return f"events.bound:{type}"


def retry_name(consumer: str) -> str:
    """Return the sorted set of a consumer's waiting retries."""
    return f"events.retry:{consumer}"


def due_name(consumer: str) -> str:
    """Return the stream of a consumer's retries that are due."""
    return f"events.due:{consumer}"


def dead_name(consumer: str) -> str:
    """Return the stream of a consumer's dead letters."""
    return f"events.dead:{consumer}"


# ARGV: stream, type, event, stream, type, event ... One call for a batch, which also is what makes
# its order certain. An event that nobody wants is not stored, as with RabbitMQ's `mandatory`.
PUBLISH = """
local ids = {}
for i = 1, #ARGV, 3 do
  if redis.call('SCARD', 'events.bound:' .. ARGV[i + 1]) > 0 then
    ids[#ids + 1] = redis.call('XADD', ARGV[i], '*', 'type', ARGV[i + 1], 'event', ARGV[i + 2])
  else
    ids[#ids + 1] = false
  end
end
return ids
"""

# KEYS: source stream, sorted set of retries. ARGV: group, id, delay in ms, member, private.
# The server's clock decides, because consumers may run on several machines.
RETRY = """
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('ZADD', KEYS[2], due, ARGV[4])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if ARGV[5] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
return due
"""

# KEYS: source stream, stream of dead letters. ARGV: group, id, event, reason, attempt, private.
DEAD = """
redis.call('XADD', KEYS[2], '*', 'event', ARGV[3], 'reason', ARGV[4], 'attempt', ARGV[5])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if ARGV[6] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
return 1
"""

# KEYS: stream of dead letters, stream of due retries. ARGV: how many at most.
REDELIVER = """
local dead = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(dead) do
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  redis.call('XADD', KEYS[2], '*', 'attempt', 1, 'event', fields['event'])
  redis.call('XDEL', KEYS[1], entry[1])
end
return #dead
"""

# KEYS: sorted set of retries, stream of due ones. Returns the milliseconds until the next is due,
# or -1. A member is the attempt, a line feed, and the event.
MOVE_DUE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for _, member in ipairs(members) do
  local line = string.find(member, '\\n', 1, true)
  redis.call('XADD', KEYS[2], '*', 'attempt', string.sub(member, 1, line - 1),
             'event', string.sub(member, line + 1))
  redis.call('ZREM', KEYS[1], member)
end
local next_one = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next_one == 0 then return -1 end
return math.max(0, next_one[2] - now)
"""

# KEYS: a producer's stream. ARGV: age in ms kept where no group exists. Cuts off what every group
# has acknowledged: all before the oldest entry that one of them has pending or has not yet read.
TRIM = """
local function before(a, b)
  local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_seq) < tonumber(b_seq)
end
local floor = nil
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  local needed = group['last-delivered-id']
  if group['pending'] > 0 then
    needed = redis.call('XPENDING', KEYS[1], group['name'])[2]
  end
  if floor == nil or before(needed, floor) then floor = needed end
end
if floor == nil then
  floor = string.format('%.0f', redis.call('TIME')[1] * 1000 - ARGV[1])
end
return redis.call('XTRIM', KEYS[1], 'MINID', floor)
"""
