#!/bin/sh
# Run once, when the data folder of the primary is made: "all" in pg_hba.conf does not mean replication.
set -eu
echo 'host replication all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
