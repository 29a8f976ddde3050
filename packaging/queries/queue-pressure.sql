-- The fullest accept queues of all samples, in the day up to the newest row.
SELECT host, netns, addr, port,
       max(comm) AS owner,
       max(acceptq_depth) AS deepest,
       min(acceptq_limit) AS lowest_limit,
       sum(CASE WHEN acceptq_depth > acceptq_limit THEN 1 ELSE 0 END) AS samples_full,
       count(*) AS samples,
       max(drops) AS drops_so_far
FROM listeners
WHERE time_us > (SELECT max(time_us) FROM listeners) - 86400000000
GROUP BY host, netns, addr, port
ORDER BY samples_full DESC, deepest DESC, host, netns, addr, port
LIMIT 20
