# settings.sh - where a system runs and with which settings; sourced by the other scripts of this folder.
#
# A system is a run folder (TIDEGATE_RUN, .run): its data, logs, pids, and the file env with all settings, which a shell
# can source too. What the environment says comes first, then the ports that the run folder remembers, then what
# stands here. Everything listens on 127.0.0.1 alone.

set -euo pipefail
unset CDPATH
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$root" "$1" ;; esac; }

export TIDEGATE_RUN
TIDEGATE_RUN=$(absolute "${TIDEGATE_RUN:-.run}")
run=$TIDEGATE_RUN
bin=$(absolute "${BUILD:-build}")/bin
cache=$(absolute "${TIDEGATE_DOWNLOADS:-.cache}")
kafka_version=4.3.0
kafka_libs=$cache/kafka/$kafka_version/libs

services='broker orchestrator scheduler provisioner api-gateway'

# What the run folder remembers, unless the environment says something else: from one start to the next where things
# are; for a process that joins a running system (recall=all) the rest as well.
remembered_settings='TIDEGATE_PORT TIDEGATE_PARTITIONS TIDEGATE_KAFKA_PORT TIDEGATE_PG_PORT TIDEGATE_PG_FOLDER'
service_settings='TIDEGATE_OIDC_ISSUER TIDEGATE_OIDC_AUDIENCE TIDEGATE_OIDC_JWKS TIDEGATE_SECRET_KEYS
    TIDEGATE_GRAPHQL_AUTH TIDEGATE_GRAPHIQL TIDEGATE_GRAPHIQL_FILES TIDEGATE_KYMA_VERSION TIDEGATE_RELEASES
    TIDEGATE_MACHINE_IMAGE TIDEGATE_MACHINE_IMAGE_VERSION TIDEGATE_MAINTENANCE_POLICY TIDEGATE_ORCHESTRATIONS_MAX
    TIDEGATE_KUBERNETES_AUTO_UPDATE TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE
    TIDEGATE_SIMULATOR_LEDGER TIDEGATE_SIMULATOR_SCENARIO'
settings_recall() {
    local name value names=$remembered_settings

    [ "${recall:-}" != all ] || names+=" $service_settings"
    for name in $names; do
        declare -g "given_$name=${!name:-}"
        [ -z "${!name:-}" ] || continue
        value=
        [ ! -f "$run/env" ] || value=$(unset "$name" && . "$run/env" && printf '%s' "${!name:-}")
        declare -gx "$name=$value"
    done
}

number_check() { # NAME MIN MAX
    local value=${!1}

    [[ $value =~ ^[0-9]{1,5}$ ]] && ((10#$value >= $2 && 10#$value <= $3)) ||
        die "$1=$value: expected a whole number from $2 to $3"
}

# All that follows from the ports; called again when a port was chosen.
settings_derive() {
    local loopback=127.0.0.1

    export TIDEGATE_PORT=${TIDEGATE_PORT:-8080}
    export TIDEGATE_PARTITIONS=${TIDEGATE_PARTITIONS:-12}
    number_check TIDEGATE_PORT 1 65490
    number_check TIDEGATE_PARTITIONS 1 1024
    [ -z "$TIDEGATE_KAFKA_PORT" ] || number_check TIDEGATE_KAFKA_PORT 1 65534
    [ -z "$TIDEGATE_PG_PORT" ] || number_check TIDEGATE_PG_PORT 1 65535

    export TIDEGATE_PG_FOLDER=${TIDEGATE_PG_FOLDER:-$run/postgres}
    export TIDEGATE_KAFKA=$loopback:$TIDEGATE_KAFKA_PORT
    export TIDEGATE_DATABASE="host=$loopback port=$TIDEGATE_PG_PORT user=tidegate dbname=tidegate"
    export TIDEGATE_API_DATABASE="host=$loopback port=$TIDEGATE_PG_PORT user=tidegate_api dbname=tidegate"
    export TIDEGATE_URL=http://$loopback:$TIDEGATE_PORT
    export TIDEGATE_OIDC_ISSUER=${TIDEGATE_OIDC_ISSUER:-$TIDEGATE_URL/dev}
    export TIDEGATE_OIDC_AUDIENCE=${TIDEGATE_OIDC_AUDIENCE:-tidegate}
    export TIDEGATE_OIDC_JWKS=${TIDEGATE_OIDC_JWKS:-$run/oidc/jwks.json}
    export TIDEGATE_SECRET_KEYS=${TIDEGATE_SECRET_KEYS:-$run/keys/secrets.json}
    export TIDEGATE_GRAPHQL_AUTH=${TIDEGATE_GRAPHQL_AUTH:-none}
    export TIDEGATE_GRAPHIQL_FILES=${TIDEGATE_GRAPHIQL_FILES:-$cache/graphiql}
    export TIDEGATE_GRAPHIQL=${TIDEGATE_GRAPHIQL:-$([ ! -e "$TIDEGATE_GRAPHIQL_FILES/graphiql.min.css" ] || echo on)}
    export TIDEGATE_GRAPHIQL=${TIDEGATE_GRAPHIQL:-off}
    export TIDEGATE_KYMA_VERSION=${TIDEGATE_KYMA_VERSION:-2.4.2}
    export TIDEGATE_RELEASES=${TIDEGATE_RELEASES:-$root/deploy/releases}
    export TIDEGATE_MACHINE_IMAGE=${TIDEGATE_MACHINE_IMAGE:-}
    export TIDEGATE_MACHINE_IMAGE_VERSION=${TIDEGATE_MACHINE_IMAGE_VERSION:-}
    export TIDEGATE_MAINTENANCE_POLICY=${TIDEGATE_MAINTENANCE_POLICY:-}
    export TIDEGATE_ORCHESTRATIONS_MAX=${TIDEGATE_ORCHESTRATIONS_MAX:-1}
    export TIDEGATE_KUBERNETES_AUTO_UPDATE=${TIDEGATE_KUBERNETES_AUTO_UPDATE:-false}
    export TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE=${TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE:-false}
    export TIDEGATE_SIMULATOR_LEDGER=${TIDEGATE_SIMULATOR_LEDGER:-$run/simulator/ledger.ndjson}
    export TIDEGATE_SIMULATOR_SCENARIO=${TIDEGATE_SIMULATOR_SCENARIO:-$root/deploy/demo/scenario.json}
}

# Written at once or not at all: other scripts read it while this one runs.
settings_remember() {
    local name

    {
        say "# The settings of the system in $run; written when it starts."
        for name in TIDEGATE_RUN TIDEGATE_URL $remembered_settings TIDEGATE_KAFKA TIDEGATE_DATABASE \
            TIDEGATE_API_DATABASE $service_settings; do
            printf 'export %s=%q\n' "$name" "${!name}"
        done
    } >"$run/env.new"
    mv "$run/env.new" "$run/env"
}

# The n-th process of a service listens on the service's port plus ten times n.
service_port() { # SERVICE INDEX
    local offset

    case $1 in
    api-gateway) offset=0 ;;
    broker) offset=1 ;;
    orchestrator) offset=2 ;;
    scheduler) offset=3 ;;
    provisioner) offset=4 ;;
    *) die "no service is called $1: there are $services" ;;
    esac
    printf '%d' $((TIDEGATE_PORT + offset + 10 * $2))
}

settings_recall
settings_derive
