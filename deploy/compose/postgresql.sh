#!/bin/sh
# The site's PostgreSQL: a cluster on a Unix socket only, made at the first start. Who is who says the kernel (peer): no password.
set -eu
data=/data/cluster
if [ ! -s "$data/PG_VERSION" ]; then
  # beside, and then there: one that was cut short is made again
  rm -rf /data/new
  initdb -D /data/new -E UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=reject
  printf '%s\n' 'CREATE ROLE simyard LOGIN;' 'CREATE DATABASE simyard OWNER simyard;' | postgres --single -D /data/new postgres
  mv /data/new "$data"
fi
exec postgres -D "$data" -c listen_addresses= -c unix_socket_directories=/run/postgresql
