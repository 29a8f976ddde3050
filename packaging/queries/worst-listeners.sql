-- The listeners that most connections failed at, in the day up to the newest row.
SELECT host, listener_addr, listener_port,
       max(comm) AS accepted_by,
       count(*) AS seen,
       sum(failed) AS failures,
       sum(CASE WHEN reason = 'accept_queue_full' THEN 1 ELSE 0 END) AS accept_queue_full,
       sum(CASE WHEN reason = 'syn_queue_full' THEN 1 ELSE 0 END) AS syn_queue_full,
       sum(CASE WHEN queued_us > 100000 THEN 1 ELSE 0 END) AS waited_100_ms,
       max(queued_us) AS longest_us
FROM connections
WHERE role = 'passive' AND listener_port IS NOT NULL
  AND time_us > (SELECT max(time_us) FROM connections) - 86400000000
GROUP BY host, listener_addr, listener_port
ORDER BY failures DESC, seen DESC, host, listener_addr, listener_port
LIMIT 20
