#!/bin/sh
# Copies the primary the first time (with -R, which makes it a standby of the primary), then starts.
set -eu
export PGPASSWORD="$POSTGRES_PASSWORD"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  until gosu postgres pg_basebackup -d "host=postgres user=holdfast application_name=replica" -D "$PGDATA" -X stream -c fast -R; do
    echo 'The primary cannot be copied yet' >&2
    sleep 1
  done
fi
exec gosu postgres postgres -c hot_standby=on -c hot_standby_feedback=on
