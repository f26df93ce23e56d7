"""The names of the calls' keys in Redis, and the scripts that change several of them at once.

    rpc.services                    set of the services that take calls
    <service>.rpc                   list of calls that wait for a worker
    rpc.running:<service>:<worker>  list of calls that a worker has taken
    rpc.workers:<service>           sorted set of workers, by the time of their last sign of life
    rpc.reply:<call>                list of one reply, which expires

An entry of a list of calls is one character, `0` or `1` where a worker was lost that had it, and
the call. The scripts name keys that are not in KEYS, which Redis Cluster does not allow.
"""

SERVICES = "rpc.services"


def running_name(service: str, worker: str) -> str:
    """Return the list of what a worker has taken."""
    return f"rpc.running:{service}:{worker}"


def workers_name(service: str) -> str:
    """Return the sorted set of a service's workers."""
    return f"rpc.workers:{service}"


def reply_name(call_id: str) -> str:
    """Return the list in which a caller waits for its reply."""
    return f"rpc.reply:{call_id}"


# KEYS: list of calls. ARGV: service, call, its timeout in ms, how many may wait.
# Returns 1, 0 for an unknown service, -1 when too many wait. The list expires with its last call:
# without a worker nothing else would ever remove them.
PUSH = """
if redis.call('SISMEMBER', 'rpc.services', ARGV[1]) == 0 then return 0 end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
redis.call('LPUSH', KEYS[1], '0' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
"""

# KEYS: list of tasks. ARGV: service, entry. A worker's queue is bound as long as it has ever run.
SEND = """
local bound = redis.call('EXISTS', '_kombu.binding.' .. KEYS[1])
if bound == 0 and redis.call('SISMEMBER', 'rpc.services', ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[2])
return 1
"""

# KEYS: sorted set of workers, list of calls. ARGV: service, worker, ms until a worker is lost.
# A sign of life. Calls of a lost worker are put in front, marked: running they were not expired.
BEAT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SADD', 'rpc.services', ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[2])
local moved = 0
for _, lost in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])) do
  local running = 'rpc.running:' .. ARGV[1] .. ':' .. lost
  local entry = redis.call('RPOP', running)
  while entry do
    redis.call('RPUSH', KEYS[2], '1' .. string.sub(entry, 2))
    redis.call('PEXPIRE', KEYS[2], 60000)
    moved = moved + 1
    entry = redis.call('RPOP', running)
  end
  redis.call('ZREM', KEYS[1], lost)
end
return moved
"""
