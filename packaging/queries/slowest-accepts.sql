-- The connections that waited longest for accept(), in the day up to the newest row.
SELECT time, host, listener_addr, listener_port, remote_addr, remote_port,
       comm, pid, queued_us, acceptq_depth, acceptq_limit
FROM connections
WHERE queued_us IS NOT NULL
  AND time_us > (SELECT max(time_us) FROM connections) - 86400000000
ORDER BY queued_us DESC, time_us, host, remote_addr, remote_port
LIMIT 20
