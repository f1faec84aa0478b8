# process.sh - processes that outlive the script that starts them: pid files, ports, waiting; sourced after settings.sh.
#
# A process has a name, which names its files: $run/pid/<name>, $run/log/<name>.log. A pid file alone proves nothing
# (machines restart, numbers are used again), so each is checked against what /proc says of the process.

name_of() { # SERVICE INDEX: the first process of a service is called like the service
    if [ "$2" = 0 ]; then printf '%s' "$1"; else printf '%s-%s' "$1" "$2"; fi
}

# One word or variable a line; nothing where the process is gone.
proc_words() { tr '\0' '\n' 2>/dev/null <"/proc/$1" || true; }

# Is process PID the one that NAME stands for, in this run folder?
process_is() { # NAME PID
    case $1 in
    kafka) grep -qxF "$run/kafka/server.properties" < <(proc_words "$2/cmdline") ;;
    postgres) grep -qxF "$TIDEGATE_PG_FOLDER/data" < <(proc_words "$2/cmdline") ;;
    *) [ "$(grep -cxF -e "TIDEGATE_RUN=$run" -e "TIDEGATE_PROCESS=$1" < <(proc_words "$2/environ"))" = 2 ] ;;
    esac
}

# A new process is known by its arguments once it has left the shell behind; one that has ended needs no waiting.
process_known() { # NAME PID
    local state=''

    ! process_is "$1" "$2" || return 0
    read -r _ _ state _ 2>/dev/null <"/proc/$2/stat" || true
    [ -z "$state" ] || [ "$state" = Z ]
}

# Prints the pid of NAME; fails where it does not run, whatever its pid file says.
process_pid() { # NAME
    local pid

    [ -f "$run/pid/$1" ] && read -r pid <"$run/pid/$1" && [ -n "$pid" ] && process_is "$1" "$pid" || return 1
    printf '%s' "$pid"
}

process_runs() { process_pid "$1" >/dev/null; }

# Has process PID begun to exit (PF_EXITING) without having ended? It has no environment any more but may still hold its
# ports: until its memory is unmapped, which takes long under sanitizers, and until its last thread is gone.
process_exiting() { # PID
    local stat fields tasks

    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${stat##*) }"
    ((fields[6] & 4)) || return 1
    tasks=("/proc/$1/task/"*)
    [ "${fields[0]}" != Z ] || ((${#tasks[@]} > 1))
}

# Starts a command in a session of its own, so that Ctrl-C in the terminal does not reach it.
process_start() { # NAME COMMAND...
    local name=$1

    shift
    mkdir -p "$run/log" "$run/pid"
    TIDEGATE_PROCESS=$name setsid "$@" >>"$run/log/$name.log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    printf '%s\n' "$!" >"$run/pid/$name"
    wait_until 60 process_known "$name" "$!" || true
    disown "$!" 2>/dev/null || true
}

# Sends a signal to NAME, and SIGKILL where it has not ended after SECONDS.
process_stop() { # NAME SIGNAL SECONDS
    local pid=''

    [ ! -f "$run/pid/$1" ] || read -r pid <"$run/pid/$1" || true
    if [ -n "$pid" ]; then
        ! process_is "$1" "$pid" || kill -"$2" "$pid" 2>/dev/null || true
        if ! wait_until "$3" process_ended "$1" "$pid"; then
            warn "$1 (pid $pid) did not end within $3 s after SIG$2: killed"
            kill -KILL "$pid" 2>/dev/null || true
            wait_until 60 process_ended "$1" "$pid" || die "$1 (pid $pid) cannot be ended"
        fi
    fi
    rm -f "$run/pid/$1"
}

process_ended() { # NAME PID
    ! process_is "$1" "$2" && ! process_exiting "$2"
}

# Tries a command again and again until it succeeds or SECONDS have passed: at first often, then every 0.2 s.
wait_until() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1)) pause_ms=10

    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep "$(printf '0.%03d' "$pause_ms")"
        pause_ms=$((pause_ms < 100 ? pause_ms * 2 : 200))
    done
}

log_tail() { # NAME: the last lines of its log, indented, on standard error
    [ ! -s "$run/log/$1.log" ] || tail -n 6 "$run/log/$1.log" | cut -c 1-300 | sed 's/^/    /' >&2
}

# --- Ports ---

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The sockets that listen on a port, as /proc/PID/fd names them.
port_sockets() {
    awk -v port="$(printf ':%04X' "$1")" \
        '$4 == "0A" && substr($2, length($2) - 4) == port { print "socket:[" $10 "]" }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

# Does NAME itself listen on a port? That it is taken proves little: another system may have been faster.
port_held() { # NAME PORT
    local pid

    pid=$(process_pid "$1") || return 1
    grep -qxFf <(port_sockets "$2") < <(find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null)
}
port_held_or_dead() { port_held "$1" "$2" || ! process_runs "$1"; }

# "nginx (pid 4711)", or "another process" where that cannot be seen.
port_owner() {
    local link

    link=$(find /proc/[0-9]*/fd -lname 'socket:*' -printf '%l %p\n' 2>/dev/null |
        grep -m 1 -Ff <(port_sockets "$1" | sed 's/$/ /')) || true
    if [[ $link =~ /proc/([0-9]+)/ ]]; then
        printf '%s (pid %s)' "$(cat "/proc/${BASH_REMATCH[1]}/comm")" "${BASH_REMATCH[1]}"
    else
        printf 'another process'
    fi
}

port_require() { # PORT VARIABLE WHAT
    ! port_taken "$1" ||
        die "port $1 for $3 is taken by $(port_owner "$1"): stop it, or choose another port by $2 (now ${!2})"
}

port_free_from() { # PORT COUNT: the first of that many free ports in a row
    local port=$1 i

    while ((port + $2 <= 65535)); do
        for ((i = 0; i < $2; i++)); do
            ! port_taken $((port + i)) || break
        done
        if ((i == $2)); then
            printf '%d' "$port"
            return
        fi
        port=$((port + i + 1))
    done
    die "no free port from $1 on"
}

# --- One system, one script at a time ---

run_lock() {
    mkdir -p "$run" 2>/dev/null || die "cannot make the run folder $run: choose another by TIDEGATE_RUN"
    exec 9>"$run/lock" || die "cannot write in the run folder $run: choose another by TIDEGATE_RUN"
    flock -w 120 9 || die "another script is at work in $run for two minutes: end it first"
}

# From choosing free ports until they are held, so that two systems that start together do not choose the same ones.
ports_lock() {
    { exec 8>>"/tmp/tidegate-ports-$(id -u).lock"; } 2>/dev/null || return 0
    flock -w 120 8 || true
}
ports_unlock() { exec 8>&-; }
