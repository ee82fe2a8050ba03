-- Limits over the cluster, by key; empty = nothing.
CREATE TABLE lovage.limits (
  key text COLLATE "C" PRIMARY KEY,
  state text NOT NULL,
  -- Nothing of it matters any more after this.
  ends timestamptz NOT NULL
) WITH (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);
