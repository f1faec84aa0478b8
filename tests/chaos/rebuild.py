"""Every read model again, folded from the events into an empty schema, and compared with the live one row by row."""

import subprocess

from checker import fold_chain, read_topic
from system import SCHEMAS, wait_for

EVENTS = {"broker": "instances", "orchestrator": "orchestrations", "scheduler": "schedules", "provisioner": "runtimes"}
OWN = ("definition",)  # says which DDL ran, and is no part of the read model
REBUILD_LIMIT_S = 120


def ends(system, topic):
    """{partition: offset behind the last record}, of those that have any."""
    partitions = range(int(system.env["TIDEGATE_PARTITIONS"]))
    command = ["kcat", "-b", system.kafka, "-Q"]
    for partition in partitions:
        command += ["-t", f"{topic}:{partition}:-1"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = {}
    for line in lines:  # "runtimes.events [3] offset 1207"
        words = line.replace("[", "").replace("]", "").split()
        if int(words[3]) > 0:
            found[int(words[1])] = int(words[3])
    return found


def positions(system, schema):
    return {int(partition): (int(offset), digest) for partition, offset, digest in
            system.sql(f'SELECT partition, "offset", hash FROM {schema}.position')}


def settled(system):
    """Has everything been projected? Void records may stand behind the last accepted one."""
    for schema, aggregate in EVENTS.items():
        stored, topic = positions(system, schema), f"{aggregate}.events"
        behind = {p for p, end in ends(system, topic).items() if stored.get(p, (-1, ""))[0] != end - 1}
        if not behind:
            continue
        records = read_topic(system.kafka, topic)
        if any(fold_chain(records[p])[2] != stored.get(p, (-1, ""))[1] for p in behind):
            return False
    return True


def wait_settled(system):
    """Until nothing moves any more: all is projected, and the logs end where they did when we looked last."""
    last = [None]

    def still():
        now = [ends(system, f"{aggregate}.{kind}") for aggregate in EVENTS.values() for kind in ("requests", "events")]
        same, last[0] = now == last[0], now
        return same and settled(system)

    wait_for("everything is projected", still, pause_s=1)


def rebuild(system, service):
    """Folds the service's events into the schema check_<service>. Gives what went wrong, or None."""
    schema = f"check_{service}"
    system.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};")
    try:
        done = subprocess.run([system.bin / service, "--rebuild", schema], env=system.env, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=REBUILD_LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"{service} --rebuild did not end within {REBUILD_LIMIT_S} s"
    if done.returncode != 0:
        return f"{service} --rebuild ended with {done.returncode}: {(done.stdout + done.stderr)[-600:]}"
    return None


def tables(system, schema):
    return {row[0] for row in system.sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = "
                                         f"'{schema}' AND table_type = 'BASE TABLE' ORDER BY 1") if row[0] not in OWN}


def differences(system, service):
    """({table: number of rows}, texts of the rows that one schema has and the other has not)."""
    live, again = tables(system, service), tables(system, f"check_{service}")
    if live != again:
        return {}, [f"tables {sorted(live)} and {sorted(again)}"]
    counts, problems = {}, []
    for table in sorted(live):
        one, other = f'{service}."{table}"', f'check_{service}."{table}"'
        counts[table] = int(system.sql(f"SELECT count(*) FROM {one}")[0][0])
        for has, lacks in ((one, other), (other, one)):
            rows = system.sql(f"SELECT t::text FROM {has} t EXCEPT ALL SELECT t::text FROM {lacks} t "
                              "ORDER BY 1 LIMIT 3")
            problems += [f"{has} alone has {' '.join(row)[:500]}" for row in rows]
    return counts, problems


def check_read_models(system, verdicts):
    for service in SCHEMAS:
        failure = rebuild(system, service)
        counts, problems = ({}, [failure]) if failure else differences(system, service)
        verdicts.judge(f"the read model of {service} is the one rebuilt from its events", problems,
                       ", ".join(f"{count} {table}" for table, count in counts.items()))
        stored = positions(system, service)
        folded = {partition: fold_chain(records)
                  for partition, records in read_topic(system.kafka, f"{EVENTS[service]}.events").items()}
        verdicts.judge(f"the positions of {service} are the last accepted records",
                       [f"partition {p}: at {stored.get(p)}, accepted last {accepted[-1][0], last}"
                        for p, (accepted, _, last) in folded.items()
                        if accepted and stored.get(p) != (accepted[-1][0], last)], f"{len(stored)} partitions")
