-- Whose queues were full in the last night, 20:00 to 06:00 UTC, that is over in the newest row.
SELECT host, listener_addr, listener_port,
       max(comm) AS accepted_by,
       sum(CASE WHEN reason = 'accept_queue_full' THEN 1 ELSE 0 END) AS accept_queue_full,
       sum(CASE WHEN reason = 'syn_queue_full' THEN 1 ELSE 0 END) AS syn_queue_full,
       count(*) AS seen,
       min(CASE WHEN reason = 'accept_queue_full' OR reason = 'syn_queue_full'
                THEN time_us ELSE 9000000000000000 END) AS first_us,
       max(CASE WHEN reason = 'accept_queue_full' OR reason = 'syn_queue_full'
                THEN time_us ELSE 0 END) AS last_us
FROM connections
WHERE role = 'passive' AND listener_port IS NOT NULL
  AND time_us >= (SELECT max(time_us) - 36000000000
                         - (max(time_us) - 21600000000) % 86400000000 FROM connections)
  AND time_us < (SELECT max(time_us)
                         - (max(time_us) - 21600000000) % 86400000000 FROM connections)
GROUP BY host, listener_addr, listener_port
HAVING max(CASE WHEN reason = 'accept_queue_full' OR reason = 'syn_queue_full'
                THEN 1 ELSE 0 END) = 1
ORDER BY accept_queue_full DESC, syn_queue_full DESC, host, listener_addr, listener_port
LIMIT 50
