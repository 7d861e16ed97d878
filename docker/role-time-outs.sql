-- Run once, when the data folder of the primary is made. For statements outside of transactions that come through PgBouncer:
-- there the apps set their time-outs with SET LOCAL, which does not reach them.
alter role holdfast set statement_timeout = '10s';
alter role holdfast set idle_in_transaction_session_timeout = '5s';
