#!/bin/sh
# Writes the configuration of PgBouncer from the environment, and starts it. The tests start theirs by this very script.
set -eu
umask 077
folder=$(mktemp -d)
printf '"%s" "%s"\n' "$DATABASE_USER" "$DATABASE_PASSWORD" > "$folder/users.txt"
cat > "$folder/pgbouncer.ini" <<INI
[databases]
* = host=$DATABASE_HOST port=${DATABASE_PORT:-5432}

[pgbouncer]
listen_addr = ${LISTEN_ADDRESS:-0.0.0.0}
listen_port = ${LISTEN_PORT:-6432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users.txt
pool_mode = transaction
; Connections of PostgreSQL, for all processes together.
default_pool_size = ${POOL_SIZE:-20}
; Connections of the processes: DATABASE_POOL_MAX of each.
max_client_conn = ${CLIENTS_MAX:-2000}
; After a crash of the server the default would keep everybody out for 15 seconds.
server_login_retry = 1
INI
exec pgbouncer -q "$folder/pgbouncer.ini"
