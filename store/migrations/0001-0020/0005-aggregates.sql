-- Run statistics by user, day and agent, counted in the transaction that ends a run. One row per bucket of durations
-- (core/duration-buckets.ts), so that concurrent run ends of a user seldom update the same row.

CREATE TABLE perdure.run_stats (
  user_id   text COLLATE "C" NOT NULL,
  -- UTC day of the end
  day       date NOT NULL,
  agent     text NOT NULL,
  -- -1: the duration is unknown
  bucket    smallint NOT NULL,
  ended     integer NOT NULL,
  failed    integer NOT NULL,
  cancelled integer NOT NULL,
  -- sum of the times from start to end
  busy_ms   bigint NOT NULL,
  PRIMARY KEY (user_id, day, agent, bucket)
) WITH (fillfactor = 50);

-- The same per session. timed_runs is the number of runs that busy_ms sums.
ALTER TABLE perdure.sessions ADD COLUMN ended_runs integer NOT NULL DEFAULT 0;
ALTER TABLE perdure.sessions ADD COLUMN timed_runs integer NOT NULL DEFAULT 0;
ALTER TABLE perdure.sessions ADD COLUMN busy_ms bigint NOT NULL DEFAULT 0;

-- [transaction]
INSERT INTO perdure.run_stats (user_id, day, agent, bucket, ended, failed, cancelled, busy_ms)
SELECT user_id, day, agent,
       CASE WHEN ms IS NULL THEN -1 WHEN ms < 1 THEN 0 ELSE least(104, floor(ln(ms) / ln(1.2)) + 1) END,
       count(*), count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'cancelled'),
       coalesce(sum(ms), 0)
  FROM (SELECT user_id, agent, status, (ended_at AT TIME ZONE 'UTC')::date AS day,
               CASE WHEN resumes = 0 THEN extract(epoch FROM ended_at - started_at) * 1000 END AS ms
          FROM perdure.runs
         WHERE ended_at IS NOT NULL) r
 GROUP BY 1, 2, 3, 4;

-- [batches]
UPDATE perdure.sessions s
   SET ended_runs = r.ended, timed_runs = r.timed, busy_ms = r.ms
  FROM (SELECT user_id, session_id, count(*) AS ended,
               count(started_at) FILTER (WHERE resumes = 0) AS timed,
               coalesce(sum(extract(epoch FROM ended_at - started_at) * 1000) FILTER (WHERE resumes = 0), 0) AS ms
          FROM perdure.runs r
         WHERE ended_at IS NOT NULL AND /* batch of r */ true
         GROUP BY 1, 2) r
 WHERE s.user_id = r.user_id AND s.session_id = r.session_id AND /* batch of s */ true;
