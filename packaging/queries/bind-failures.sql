-- Which processes could not bind or listen, where and why, in the week up to the newest row.
SELECT host, comm, syscall, errno, addr, port,
       count(*) AS failures,
       count(DISTINCT pid) AS processes,
       min(time) AS first_time,
       max(time) AS last_time
FROM bind_failures
WHERE time_us > (SELECT max(time_us) FROM bind_failures) - 604800000000
GROUP BY host, comm, syscall, errno, addr, port
ORDER BY failures DESC, host, comm, syscall, errno, addr, port
LIMIT 50
