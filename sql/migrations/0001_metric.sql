-- What can be measured: the vocabulary every reading is held against. Rows come from devices/metric_vocabulary.csv.
CREATE TABLE metric (
    metric_id        int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key              text NOT NULL UNIQUE CHECK (key ~ '^[a-z][a-z0-9_]*$'),
    domain           text NOT NULL,
    unit             text NOT NULL,             -- the unit values are stored and shown in
    unit_senml       text NOT NULL,             -- the unit a SenML pack is expected to name
    kind             text NOT NULL CHECK (kind IN ('gauge', 'counter', 'state')),
    valid_min        float8,
    valid_max        float8,
    max_step_per_min float8,
    description      text NOT NULL
);

CREATE TABLE metric_alias (
    alias     text PRIMARY KEY,
    metric_id int4 NOT NULL REFERENCES metric
);
