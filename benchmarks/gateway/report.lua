-- For wrk: `wrk ... -s report.lua URL -- [bytes]`; with bytes each request is a POST of that many.
-- The last line of the output is JSON with times in milliseconds.

function init(arguments)
  local size = tonumber(arguments[1])
  if size then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/octet-stream"
    wrk.body = string.rep("x", size)
  end
  request = (function(ready) return function() return ready end end)(wrk.format())
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"max":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
