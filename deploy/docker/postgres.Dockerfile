# A stand-in for postgres:15 where no registry can be reached:
#   docker build -t tidegate-postgres -f deploy/docker/postgres.Dockerfile deploy/docker
ARG BASE=debian:bookworm-slim
FROM $BASE
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold postgresql-15 && rm -rf /var/lib/apt/lists/* \
    && install -d -m 0700 -o postgres /var/lib/postgresql/data && install -d /docker-entrypoint-initdb.d
# As that image does: makes the cluster with the superuser's password, runs the scripts of initdb.d, then serves.
RUN printf '%s\n' '#!/bin/bash' 'set -euo pipefail' 'export PGDATA=/var/lib/postgresql/data/cluster' \
        'PATH=/usr/lib/postgresql/15/bin:$PATH' \
        'if [ ! -s "$PGDATA/PG_VERSION" ]; then' \
        '    initdb -U postgres --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \' \
        '        --pwfile=<(echo "$POSTGRES_PASSWORD")' \
        '    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"' \
        '    pg_ctl -w -o "-c listen_addresses= -k /tmp" start' \
        '    export PGHOST=/tmp POSTGRES_USER=postgres POSTGRES_DB=postgres' \
        '    for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done' \
        '    pg_ctl -w -m fast stop' \
        'fi' \
        'exec postgres -c "listen_addresses=*" -k /tmp "$@"' >/usr/local/bin/start && chmod +x /usr/local/bin/start
USER postgres
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/start"]
