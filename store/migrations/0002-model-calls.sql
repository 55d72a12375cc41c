-- What model calls cost, and what users may spend. Money is in whole billionths of a dollar (nanos).

-- Known cost, and calls whose cost is not known: above 0, the session or run cost more. Of calls made before this
-- migration nothing is known.
ALTER TABLE perdure.sessions ADD COLUMN cost_nanos bigint NOT NULL DEFAULT 0;
ALTER TABLE perdure.sessions ADD COLUMN unpriced_calls integer NOT NULL DEFAULT 0;
ALTER TABLE perdure.runs ADD COLUMN cost_nanos bigint NOT NULL DEFAULT 0;
ALTER TABLE perdure.runs ADD COLUMN unpriced_calls integer NOT NULL DEFAULT 0;
UPDATE perdure.runs SET unpriced_calls = steps WHERE steps > 0;
UPDATE perdure.sessions s SET unpriced_calls = r.steps
  FROM (SELECT user_id, session_id, sum(steps)::integer AS steps FROM perdure.runs GROUP BY user_id, session_id) r
 WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND r.steps > 0;

-- One row for each attempt of a step's model call.
CREATE TABLE perdure.model_calls (
  user_id          text COLLATE "C" NOT NULL,
  session_id       text COLLATE "C" NOT NULL,
  run_id           text COLLATE "C" NOT NULL,
  step             integer NOT NULL,
  attempt          integer NOT NULL,
  agent            text NOT NULL,
  -- provider/model as it was asked for
  model            text NOT NULL,
  -- as the provider names the model that answered
  answered_by      text,
  -- of its claim, UTC: the period whose budget it is charged to
  day              date NOT NULL,
  outcome          text NOT NULL CHECK (outcome IN ('running', 'completed', 'failed', 'stopped', 'lost')),
  error_code       text,
  started_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  first_token_ms   double precision,
  -- of the call itself, without the context's reading before it and the commit after it
  duration_ms      double precision,
  input_tokens     bigint,
  output_tokens    bigint,
  cached_tokens    bigint,
  reasoning_tokens bigint,
  cost_nanos       bigint,
  price_source     text,
  price_date       text,
  -- the worst case that was set aside; NULL where no budget was in force
  reserved_nanos   bigint,
  reserved_tokens  bigint,
  -- what of that still counts: all of it until the true figure is known
  held_nanos       bigint NOT NULL,
  held_tokens      bigint NOT NULL,
  PRIMARY KEY (user_id, session_id, run_id, step, attempt)
);
CREATE INDEX model_calls_by_day ON perdure.model_calls (user_id, day);
CREATE INDEX model_calls_held ON perdure.model_calls (user_id, day) WHERE held_nanos > 0 OR held_tokens > 0;

-- What users used, by day, agent and model: kept when sessions are deleted.
CREATE TABLE perdure.usage_days (
  user_id          text COLLATE "C" NOT NULL,
  day              date NOT NULL,
  agent            text NOT NULL,
  model            text NOT NULL,
  calls            integer NOT NULL,
  failed_calls     integer NOT NULL,
  -- calls whose tokens, or whose cost, nobody knows
  unmetered_calls  integer NOT NULL,
  unpriced_calls   integer NOT NULL,
  -- what is known
  input_tokens     bigint NOT NULL,
  output_tokens    bigint NOT NULL,
  cached_tokens    bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nanos       bigint NOT NULL,
  -- set aside for calls whose records went with their sessions before anyone told what they used
  held_nanos       bigint NOT NULL DEFAULT 0,
  held_tokens      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, day, agent, model)
);
CREATE INDEX usage_days_by_day ON perdure.usage_days (day);

-- A user's own limits. Its row is what parallel reservations of the user take turns by.
CREATE TABLE perdure.user_budgets (
  user_id text COLLATE "C" PRIMARY KEY,
  -- as contracts/budget.ts says; what is absent is the deployment's
  limits  jsonb NOT NULL
);

-- Warnings that were given: once for each user, budget and period.
CREATE TABLE perdure.budget_warnings (
  user_id text COLLATE "C" NOT NULL,
  -- scope:unit:kind
  budget  text NOT NULL,
  -- YYYY-MM or YYYY-MM-DD
  period  text NOT NULL,
  PRIMARY KEY (user_id, budget, period)
);
