-- Cost of model calls, and budgets of users. Money is stored in nano-dollars.

-- Known cost, and the number of calls with an unknown cost. The cost of calls before this migration is unknown.
ALTER TABLE perdure.sessions ADD COLUMN cost_nanos bigint NOT NULL DEFAULT 0;
ALTER TABLE perdure.sessions ADD COLUMN unpriced_calls integer NOT NULL DEFAULT 0;

-- [transaction]
ALTER TABLE perdure.runs ADD COLUMN cost_nanos bigint NOT NULL DEFAULT 0;
ALTER TABLE perdure.runs ADD COLUMN unpriced_calls integer NOT NULL DEFAULT 0;

-- One row per attempt of a step's model call.
CREATE TABLE perdure.model_calls (
  user_id          text COLLATE "C" NOT NULL,
  session_id       text COLLATE "C" NOT NULL,
  run_id           text COLLATE "C" NOT NULL,
  step             integer NOT NULL,
  attempt          integer NOT NULL,
  agent            text NOT NULL,
  -- the requested provider/model
  model            text NOT NULL,
  -- the model that replied, as named by the provider
  answered_by      text,
  -- UTC day of the claim: the call is charged to the budgets of this day and its month
  day              date NOT NULL,
  outcome          text NOT NULL CHECK (outcome IN ('running', 'completed', 'failed', 'stopped', 'lost')),
  error_code       text,
  started_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  first_token_ms   double precision,
  -- duration of the call, without reading the context and without the commit
  duration_ms      double precision,
  input_tokens     bigint,
  output_tokens    bigint,
  cached_tokens    bigint,
  reasoning_tokens bigint,
  cost_nanos       bigint,
  price_source     text,
  price_date       text,
  -- the reserved worst case; NULL if no budget was in force
  reserved_nanos   bigint,
  reserved_tokens  bigint,
  -- the part that is still reserved: all of it until the actual amount is known
  held_nanos       bigint NOT NULL,
  held_tokens      bigint NOT NULL,
  PRIMARY KEY (user_id, session_id, run_id, step, attempt)
);
CREATE INDEX model_calls_by_day ON perdure.model_calls (user_id, day);
CREATE INDEX model_calls_held ON perdure.model_calls (user_id, day) WHERE held_nanos > 0 OR held_tokens > 0;

-- Usage by user, day, agent and model. Kept when sessions are deleted.
CREATE TABLE perdure.usage_days (
  user_id          text COLLATE "C" NOT NULL,
  day              date NOT NULL,
  agent            text NOT NULL,
  model            text NOT NULL,
  calls            integer NOT NULL,
  failed_calls     integer NOT NULL,
  -- numbers of calls with unknown tokens and with an unknown cost
  unmetered_calls  integer NOT NULL,
  unpriced_calls   integer NOT NULL,
  -- sums of known amounts
  input_tokens     bigint NOT NULL,
  output_tokens    bigint NOT NULL,
  cached_tokens    bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nanos       bigint NOT NULL,
  -- still reserved for calls with unknown usage whose records were deleted with their sessions
  held_nanos       bigint NOT NULL DEFAULT 0,
  held_tokens      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, day, agent, model)
);
CREATE INDEX usage_days_by_day ON perdure.usage_days (day);

-- Limits set for a user. Locking the row serialises the reservations of the user.
CREATE TABLE perdure.user_budgets (
  user_id text COLLATE "C" PRIMARY KEY,
  -- UserLimits of contracts/budget.ts; the deployment's limit applies to an absent one
  limits  jsonb NOT NULL
);

-- Warnings already given, once per user, budget and period.
CREATE TABLE perdure.budget_warnings (
  user_id text COLLATE "C" NOT NULL,
  -- scope:unit:kind
  budget  text NOT NULL,
  -- YYYY-MM or YYYY-MM-DD
  period  text NOT NULL,
  PRIMARY KEY (user_id, budget, period)
);

-- [batches]
UPDATE perdure.runs r SET unpriced_calls = steps WHERE steps > 0 AND /* batch of r */ true;
UPDATE perdure.sessions s SET unpriced_calls = r.steps
  FROM (SELECT user_id, session_id, sum(steps)::integer AS steps
          FROM perdure.runs r WHERE /* batch of r */ true GROUP BY user_id, session_id) r
 WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND r.steps > 0 AND /* batch of s */ true;
