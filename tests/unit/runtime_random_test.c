/* The provisioner's core under thousands of random requests and reports: what must hold after each of them, and that a
 * process that takes over from the rows decides and does the same. A failure prints its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/log/fold.h"
#include "common/release/release.h"
#include "services/provisioner/runtimes.h"
#include "tests/unit/runtime_scene.h"

enum { EPISODES = 120, REQUESTS = 160, RUNTIMES = 3, GROUP_MAX = 6, STEP_MAX = 600, TABLES = 4, END_ROUNDS = 40 };

struct world {
    uint64_t seed, random;
    void *state;
    json_t *rows[TABLES]; /* what PostgreSQL holds: by ID */
    struct changes open;  /* not stored yet */
    bool alone;           /* nobody takes over: there is too much to compare it each time */
    int64_t now_ms, offset;
    int next; /* of operation IDs */
    struct decision decision;
    struct calls calls;
    char *installed[RUNTIMES]; /* the model: what was last installed with success, "" for nothing */
};

static const char *const runtime_ids[RUNTIMES] = { "r0", "r1", "r2" };

static unsigned draw(struct world *world, unsigned below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(world->random >> 33) % below;
}

static void broken(const struct world *world, const char *what)
{
    fail_msg("seed %llu, record %lld: %s", (unsigned long long)world->seed, (long long)world->offset, what);
}

static const char *text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* --- The read model --- */

static void store(struct world *world)
{
    for (size_t i = 0; i < world->open.count; i++) {
        const struct change *change = &world->open.items[i];
        json_t *row = runtime_core.row(world->state, change->table, change->id);

        if (row != NULL)
            json_object_set_new(world->rows[change->table], change->id, row);
    }
    changes_release(&world->open);
}

static bool is_live(int table, const json_t *row)
{
    switch ((enum table)table) {
    case TABLE_CONFIGURATION:
        return json_is_true(json_object_get(row, "kept")) || json_integer_value(json_object_get(row, "users")) > 0;
    case TABLE_RUNTIME: return json_is_true(json_object_get(row, "running"));
    case TABLE_OPERATION: return strcmp(text_in(row, "state"), "in progress") == 0;
    case TABLE_KUBECONFIG: break;
    }
    return false;
}

/* What a process that takes over has. */
static void *taken_over(const struct world *world)
{
    void *state = runtime_core.state_new(&runtime_scene_settings, 0);

    for (int table = 0; table < TABLES; table++) {
        const char *id;
        json_t *row;

        json_object_foreach(world->rows[table], id, row)
            if (is_live(table, row))
                runtime_core.load(state, table, row);
    }
    return state;
}

static void load(const struct world *world, void *state, const char *runtime_id)
{
    if (runtime_core.holds(state, runtime_id))
        return;
    for (int table = TABLE_RUNTIME; table < TABLES; table++) {
        const char *id;
        json_t *row;

        json_object_foreach(world->rows[table], id, row)
            if (strcmp(text_in(row, "runtime_id"), runtime_id) == 0)
                runtime_core.load(state, table, row);
    }
}

/* --- What must hold --- */

static json_t *row_of(const struct world *world, enum table table, const char *id)
{
    return json_object_get(world->rows[table], id);
}

static json_t *last_operation(const struct world *world, const char *runtime_id)
{
    const char *operation_id = text_in(row_of(world, TABLE_RUNTIME, runtime_id), "operation_id");
    char id[128];

    snprintf(id, sizeof id, "%s\n%s", runtime_id, operation_id);
    return row_of(world, TABLE_OPERATION, id);
}

static void check_one_runs(const struct world *world)
{
    int running[RUNTIMES] = { 0 };
    const char *id;
    json_t *row;

    json_object_foreach(world->rows[TABLE_OPERATION], id, row) {
        int index = text_in(row, "runtime_id")[1] - '0';

        if (strcmp(text_in(row, "state"), "in progress") != 0) {
            if (json_is_null(json_object_get(row, "ended_at")))
                broken(world, "an operation has ended without an end");
            continue;
        }
        if (++running[index] > 1 || row != last_operation(world, runtime_ids[index]))
            broken(world, "two operations run on one runtime");
    }
}

/* Adds what `row` may need to `needed`: each once. */
static void add_needed(const struct world *world, const json_t *row, json_t *needed)
{
    const char *hashes[] = { text_in(row, "kyma_config"), text_in(row, "installed"), text_in(row, "cluster_config"),
                             text_in(last_operation(world, text_in(row, "runtime_id")), "pre") };
    json_t *own = json_object();
    const char *hash;
    json_t *one;

    for (size_t i = 0; i < 4; i++)
        if (*hashes[i] != '\0')
            json_object_set_new(own, hashes[i], json_true());
    json_object_foreach(own, hash, one) {
        json_t *configuration = row_of(world, TABLE_CONFIGURATION, hash);
        char *body = configuration == NULL ? NULL : json_dumps(json_object_get(configuration, "body"), 0);

        if (body == NULL || strstr(body, "\"value\": \"\"") != NULL)
            broken(world, "a configuration that is needed has no body, or no secret values");
        free(body);
        json_object_set_new(needed, hash, json_integer(json_integer_value(json_object_get(needed, hash)) + 1));
    }
    json_decref(own);
}

static void check_users(const struct world *world)
{
    json_t *needed = json_object(), *row;
    const char *id;

    json_object_foreach(world->rows[TABLE_RUNTIME], id, row)
        if (json_is_null(json_object_get(row, "deprovisioned_at")))
            add_needed(world, row, needed);
    json_object_foreach(world->rows[TABLE_CONFIGURATION], id, row) {
        json_int_t users = json_integer_value(json_object_get(row, "users"));

        if (!json_is_true(json_object_get(row, "kept")) && users != json_integer_value(json_object_get(needed, id)))
            broken(world, "a configuration's users are counted wrongly");
    }
    json_decref(needed);
}

/* Sealed texts name their runtime. */
static void check_forgotten(const struct world *world)
{
    for (int i = 0; i < RUNTIMES; i++) {
        const json_t *runtime = row_of(world, TABLE_RUNTIME, runtime_ids[i]);
        char sealed[32];

        if (json_is_null(json_object_get(runtime, "deprovisioned_at")) || runtime == NULL)
            continue;
        snprintf(sealed, sizeof sealed, "%s%s", SEALED, runtime_ids[i]);
        for (int table = 0; table < TABLES; table++) {
            char *text = json_dumps(world->rows[table], 0);

            if (strstr(text, sealed) != NULL)
                broken(world, "a sealed text outlives its runtime");
            free(text);
        }
        if (strcmp(text_in(row_of(world, TABLE_KUBECONFIG, runtime_ids[i]), "kubeconfig"), "") != 0)
            broken(world, "a kubeconfig outlives its runtime");
    }
}

static void check_installed(const struct world *world)
{
    for (int i = 0; i < RUNTIMES; i++)
        if (strcmp(text_in(row_of(world, TABLE_RUNTIME, runtime_ids[i]), "installed"), world->installed[i]) != 0)
            broken(world, "what was last installed with success is recorded wrongly");
}

/* What has ended stays as it is, but for the mark of a rollback, until a later attempt begins. */
static void check_unchanged(const struct world *world, const json_t *before)
{
    const char *id;
    json_t *was;

    json_object_foreach((json_t *)(uintptr_t)before, id, was) {
        json_t *is = json_copy(row_of(world, TABLE_OPERATION, id)), *old = json_copy(was);

        json_object_del(is, "rolled_back");
        json_object_del(old, "rolled_back");
        if (strcmp(text_in(was, "state"), "in progress") != 0 && !json_equal(is, old) &&
            json_integer_value(json_object_get(is, "attempt")) <= json_integer_value(json_object_get(old, "attempt")))
            broken(world, "an operation that has ended has changed");
        json_decref(is);
        json_decref(old);
    }
}

static void check_row(const struct world *world, const void *state, enum table table, const char *id,
                      const json_t *stored)
{
    json_t *row = runtime_core.row(state, (int)table, id);

    if (!json_equal(row, stored))
        broken(world, "a row comes back changed");
    json_decref(row);
}

/* The state that comes back from the rows is the one that gave them. */
static void check_rows(const struct world *world)
{
    void *state = taken_over(world);
    const char *id;
    json_t *row;

    for (int i = 0; i < RUNTIMES; i++) {
        const json_t *runtime, *operation;

        load(world, state, runtime_ids[i]);
        runtime = row_of(world, TABLE_RUNTIME, runtime_ids[i]);
        operation = last_operation(world, runtime_ids[i]);
        if (runtime != NULL)
            check_row(world, state, TABLE_RUNTIME, runtime_ids[i], runtime);
        if (operation != NULL) {
            char operation_id[128];

            snprintf(operation_id, sizeof operation_id, "%s\n%s", runtime_ids[i], text_in(operation, "operation_id"));
            check_row(world, state, TABLE_OPERATION, operation_id, operation);
        }
    }
    json_object_foreach(world->rows[TABLE_CONFIGURATION], id, row)
        if (is_live(TABLE_CONFIGURATION, row))
            check_row(world, state, TABLE_CONFIGURATION, id, row);
    runtime_core.state_free(state);
}

/* --- Deciding --- */

static void model_event(struct world *world, const struct decided_event *event)
{
    const int index = event->subject[1] - '0';
    const struct runtime *runtime = runtimes_find(world->state, event->subject);
    bool installs = event->type == EVENT_ROLLED_BACK;

    if (event->type == EVENT_REGISTERED || event->type == EVENT_CHANGED)
        installs = *runtime->instance_id != '\0' && !runtime->upgraded;
    if (event->type == EVENT_SUCCEEDED)
        installs = strcmp(text_in(event->data, "type"), "upgradeKyma") == 0 ||
                   strcmp(text_in(event->data, "type"), "provision") == 0;
    if (!installs || runtime->kyma_config == NULL)
        return;
    free(world->installed[index]);
    world->installed[index] = strdup(runtime->kyma_config->hash);
}

static void check_calls(const struct world *world)
{
    for (size_t i = 0; i < world->calls.count; i++) {
        const struct call *call = &world->calls.items[i];
        const json_t *kyma = json_object_get(call->detail, "kymaConfig");
        const json_t *cluster = json_object_get(call->detail, "clusterConfig");
        char *text = json_dumps(call->detail, 0);

        if ((kyma != NULL && !json_is_object(kyma)) || (cluster != NULL && !json_is_object(cluster)) ||
            strstr(text, "\"value\": \"\"") != NULL)
            broken(world, "the driver is not told what it needs");
        free(text);
    }
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
    bool same = a->count == b->count && a->status == b->status && (a->body == NULL || json_equal(a->body, b->body));

    for (size_t i = 0; same && i < a->count; i++)
        same = a->events[i].type == b->events[i].type && strcmp(a->events[i].subject, b->events[i].subject) == 0 &&
               json_equal(a->events[i].data, b->events[i].data);
    return same;
}

/* Where all is stored, who takes over decides the same. */
static void decide_elsewhere(const struct world *world, const struct request *request, struct decision *out)
{
    void *state = taken_over(world);

    load(world, state, request->subject);
    runtime_core.decide(state, request, world->now_ms, out);
    runtime_core.state_free(state);
}

static void ask(struct world *world, int type, const char *subject, json_t *data)
{
    struct request request = { .id = "q", .type = type, .subject = subject, .data = data, .asked = "a" };
    struct fold_at at;
    struct decision other = { 0 };
    const bool compare = world->open.count == 0 && !world->alone;

    decision_release(&world->decision);
    calls_release(&world->calls);
    world->offset += 1 + draw(world, STEP_MAX);
    world->now_ms += draw(world, 10000);
    at = (struct fold_at){ .time_ms = world->now_ms, .offset = world->offset };
    if (!world->alone)
        load(world, world->state, subject);
    if (compare)
        decide_elsewhere(world, &request, &other);
    runtime_core.decide(world->state, &request, world->now_ms, &world->decision);
    if (compare && !same_decision(&world->decision, &other))
        broken(world, "who takes over decides otherwise");
    decision_release(&other);
    for (size_t i = 0; i < world->decision.count; i++) {
        struct messages messages = { .partitions = 12 };
        struct event event = { .type = world->decision.events[i].type,
                               .subject = world->decision.events[i].subject,
                               .data = world->decision.events[i].data,
                               .time_ms = at.time_ms,
                               .offset = at.offset };

        fold_event(&runtime_core, world->state, &event, &world->open, &messages, &world->calls);
        model_event(world, &world->decision.events[i]);
        messages_release(&messages);
    }
    check_calls(world);
    json_decref(data);
}

/* --- Requests --- */

static json_t *entries(struct world *world, const char *runtime_id)
{
    char value[64];

    if (draw(world, 2) == 0)
        return json_pack("[{s:s,s:s}]", "key", "k", "value", draw(world, 2) == 0 ? "1" : "2");
    snprintf(value, sizeof value, "%s%s%u", SEALED, runtime_id, draw(world, 3));
    return json_pack("[{s:s,s:s,s:b}]", "key", "k", "value", value, "secret", 1);
}

static json_t *kyma(struct world *world, const char *runtime_id)
{
    static const char *const versions[] = { "1.20.4", "1.24.5", "2.3.0" };

    return json_pack("{s:s,s:[{s:s,s:s}],s:o}", "version", versions[draw(world, 3)], "components", "component",
                     "compass-runtime-agent", "namespace", "compass-system", "configuration",
                     entries(world, runtime_id));
}

/* One of few, so that runtimes share some. */
static json_t *gardener(struct world *world)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:s,s:{s:{s:[s]}}}", "name", "n", "kubernetesVersion", "1.21.1",
                     "provider", "gcp", "region", "r", "autoScalerMin", 1, "autoScalerMax", 2, "maxSurge", 1,
                     "maxUnavailable", 0, "machineType", draw(world, 2) == 0 ? "m1" : "m2", "providerSpecificConfig",
                     "gcpConfig", "zones", "a");
}

static json_t *mutation(struct world *world, const char *name, json_t *value)
{
    char id[16];
    json_t *data;

    snprintf(id, sizeof id, "o%d", world->next++);
    data = json_pack("{s:s,s:s}", "tenant", draw(world, 20) == 0 ? "other" : "ga1", "operationID", id);
    if (name != NULL)
        json_object_set_new(data, name, value);
    return data;
}

static json_t *line(struct world *world, const char *runtime_id)
{
    json_t *line = json_pack("{s:s,s:s,s:s,s:s}", "instanceID", runtime_id, "runtimeID", runtime_id, "globalAccount",
                             "ga1", "kymaVersion", draw(world, 2) == 0 ? "2.3.0" : "1.0");
    char kubeconfig[64];

    snprintf(kubeconfig, sizeof kubeconfig, "%s%s%u", SEALED, runtime_id, draw(world, 2));
    if (draw(world, 2) == 0)
        json_object_set_new(line, "kymaConfig", kyma(world, runtime_id));
    if (draw(world, 2) == 0)
        json_object_set_new(line, "kubeconfig", json_string(kubeconfig));
    return json_pack("{s:o}", "line", line);
}

static json_t *provision(struct world *world, const char *runtime_id)
{
    json_t *input = json_pack("{s:{s:s},s:{s:o}}", "runtimeInput", "name", "n", "clusterConfig", "gardenerConfig",
                              gardener(world));

    if (draw(world, 4) > 0)
        json_object_set_new(input, "kymaConfig", kyma(world, runtime_id));
    return mutation(world, "input", input);
}

/* An orchestration's: a new one, or the last operation of the runtime in another attempt. */
static json_t *ordered(struct world *world, const char *runtime_id, const char *lane)
{
    const struct runtime *runtime = runtimes_find(world->state, runtime_id);
    json_t *data = mutation(world, NULL, NULL);

    json_object_set_new(data, "orchestrationID", json_string("x"));
    json_object_set_new(data, "lane", json_string(lane));
    if (runtime != NULL && runtime->operation != NULL && strcmp(runtime->operation->lane, lane) == 0 &&
        draw(world, 2) == 0) {
        json_object_set_new(data, "operationID", json_string(runtime->operation->id));
        json_object_set_new(data, "attempt", json_integer(runtime->operation->attempt + (int)draw(world, 3)));
    }
    return data;
}

static json_t *order_cluster(struct world *world, const char *runtime_id)
{
    json_t *data = ordered(world, runtime_id, "cluster");

    json_object_set_new(data, "gardenerConfig",
                        json_pack("{s:s}", "kubernetesVersion", draw(world, 2) == 0 ? "1.21.1" : "1.23.1"));
    return data;
}

static json_t *order(struct world *world, const char *runtime_id)
{
    json_t *data = ordered(world, runtime_id, "kyma");

    json_object_set_new(data, "runtimeID", json_string(runtime_id));
    json_object_set_new(data, "version", json_string("2.4.2"));
    json_object_set_new(data, "configuration", json_string(releases_hash(runtime_scene_settings.releases, "2.4.2")));
    return data;
}

static json_t *configure(void)
{
    return json_pack("{s:s,s:O}", "hash", releases_hash(runtime_scene_settings.releases, "2.4.2"), "kymaConfig",
                     releases_configuration(runtime_scene_settings.releases, "2.4.2"));
}

static json_t *gives(struct world *world, const char *runtime_id)
{
    char kubeconfig[64];
    const char *version = draw(world, 2) == 0 ? "1.22.0" : "1.9.0";

    snprintf(kubeconfig, sizeof kubeconfig, "%s%s", SEALED, runtime_id);
    switch (draw(world, 3)) {
    case 0:
        return json_pack("{s:s,s:s,s:s,s:b}", "seed", "s", "kubernetesVersion", version, "kubeconfig", kubeconfig,
                         "hibernationPossible", 1);
    case 1: return json_pack("{s:i,s:n,s:[],s:s}", "seed", 1, "kubernetesVersion", "kubeconfig", "hibernated", "no");
    default: return json_pack("{s:b}", "hibernated", draw(world, 2) == 0);
    }
}

/* Most are of what runs. */
static json_t *report(struct world *world, const char *runtime_id)
{
    const struct runtime *runtime = runtimes_find(world->state, runtime_id);
    const struct operation *operation = runtime == NULL ? NULL : runtime->operation;
    enum stage stage = operation == NULL || draw(world, 10) == 0 ? (enum stage)(1 + draw(world, STAGE_COUNT - 1))
                                                                 : operation->stage;

    return json_pack("{s:s,s:s,s:s,s:I,s:b,s:s,s:b,s:o}", "runtimeID", runtime_id, "operationID",
                     operation == NULL || draw(world, 20) == 0 ? "o0" : operation->id, "stage", stage_rule(stage)->name,
                     "fence", (json_int_t)(operation == NULL ? 0 : operation->fence - (draw(world, 20) == 0)), "ok",
                     draw(world, 6) != 0, "message", draw(world, 2) == 0 ? "m" : "", "ended", draw(world, 4) != 0,
                     "gives", gives(world, runtime_id));
}

static void ask_progress(struct world *world)
{
    json_t *reports = json_array();

    for (unsigned i = 0; i <= draw(world, 3); i++)
        json_array_append_new(reports, report(world, runtime_ids[draw(world, RUNTIMES)]));
    ask(world, REQUEST_PROGRESS, "", json_pack("{s:o}", "reports", reports));
}

static void ask_something(struct world *world)
{
    const char *id = runtime_ids[draw(world, RUNTIMES)];

    switch (draw(world, 26)) {
    case 0: ask(world, REQUEST_REGISTER, id, line(world, id)); break;
    case 1: ask(world, REQUEST_PROVISION, id, provision(world, id)); break;
    case 2: ask(world, REQUEST_CONFIGURE, "", configure()); break;
    case 3: ask(world, REQUEST_UPGRADE, id, order(world, id)); break;
    case 4:
    case 5:
    case 6: ask(world, REQUEST_UPGRADE_KYMA, id, mutation(world, "kymaConfig", kyma(world, id))); break;
    case 7: ask(world, REQUEST_UPGRADE_SHOOT, id, mutation(world, "gardenerConfig", gardener(world))); break;
    case 8: ask(world, REQUEST_HIBERNATE, id, mutation(world, NULL, NULL)); break;
    case 9: ask(world, REQUEST_DEPROVISION, id, mutation(world, NULL, NULL)); break;
    case 10:
    case 11: ask(world, REQUEST_ROLL_BACK, id, json_pack("{s:s}", "tenant", "ga1")); break;
    case 12:
        world->now_ms += draw(world, 2) * 40 * MINUTE_MS;
        ask(world, REQUEST_WAKE, "", json_pack("{s:s}", "id", "limit"));
        break;
    case 13: ask(world, REQUEST_UPGRADE_SHOOT, id, order_cluster(world, id)); break;
    default: ask_progress(world); break;
    }
}

/* --- Episodes --- */

static void check(struct world *world)
{
    json_t *before = json_deep_copy(world->rows[TABLE_OPERATION]);

    store(world);
    check_unchanged(world, before);
    check_one_runs(world);
    check_users(world);
    check_forgotten(world);
    check_installed(world);
    check_rows(world);
    json_decref(before);
}

/* All is stored: another process may go on, or memory may be made free. */
static void change_hands(struct world *world)
{
    switch (draw(world, 4)) {
    case 0:
        runtime_core.state_free(world->state);
        world->state = taken_over(world);
        runtime_core.resume(world->state, &world->calls);
        check_calls(world);
        break;
    case 1:
        for (int i = 0; i < RUNTIMES; i++)
            if (!runtime_core.live(world->state, runtime_ids[i]))
                runtime_core.evict(world->state, runtime_ids[i]);
        break;
    default: break;
    }
}

/* What was accepted ends, if the driver does its work. */
static void end_all(struct world *world)
{
    for (int round = 0; round < END_ROUNDS; round++)
        for (int i = 0; i < RUNTIMES; i++) {
            const struct runtime *runtime = runtimes_find(world->state, runtime_ids[i]);

            if (runtime != NULL && runtime_busy(runtime))
                ask(world, REQUEST_PROGRESS, "",
                    json_pack("{s:[{s:s,s:s,s:s,s:b}]}", "reports", "runtimeID", runtime->id, "operationID",
                              runtime->operation->id, "stage", stage_rule(runtime->operation->stage)->name, "ok", 1));
        }
    check(world);
    if (runtime_core.deadline(world->state).at_ms != DEADLINE_NEVER)
        broken(world, "an operation does not end");
}

static void play(uint64_t seed)
{
    struct world world = { .seed = seed, .random = seed, .now_ms = NOW_MS, .next = 1 };

    for (int table = 0; table < TABLES; table++)
        world.rows[table] = json_object();
    for (int i = 0; i < RUNTIMES; i++)
        world.installed[i] = strdup("");
    world.state = runtime_core.state_new(&runtime_scene_settings, 0);
    ask(&world, REQUEST_CONFIGURE, "", configure());
    for (int request = 0; request < REQUESTS;) {
        for (unsigned group = 1 + draw(&world, GROUP_MAX); group > 0; group--, request++)
            ask_something(&world);
        check(&world);
        change_hands(&world);
    }
    end_all(&world);
    runtime_core.state_free(world.state);
    for (int table = 0; table < TABLES; table++)
        json_decref(world.rows[table]);
    for (int i = 0; i < RUNTIMES; i++)
        free(world.installed[i]);
    changes_release(&world.open);
    decision_release(&world.decision);
    calls_release(&world.calls);
}

static void rules_hold_whatever_comes(void **state)
{
    const char *only = getenv("TIDEGATE_TEST_SEED");

    (void)state;
    if (only != NULL)
        play(strtoull(only, NULL, 10));
    for (uint64_t seed = 1; only == NULL && seed <= EPISODES; seed++)
        play(seed);
}

/* --- Memory --- */

static size_t bodies(const struct runtimes *runtimes)
{
    size_t count = 0;

    for (const struct configuration *one = runtimes->configurations.by_hash; one != NULL; one = one->hh.next)
        count += one->body != NULL;
    return count;
}

static void upgrade_failed(struct world *world, int version)
{
    char value[32], id[16];

    snprintf(value, sizeof value, "%d", version);
    snprintf(id, sizeof id, "o%d", version);
    ask(world, REQUEST_UPGRADE_KYMA, "r0",
        json_pack("{s:s,s:s,s:{s:s,s:[{s:s,s:s}],s:[{s:s,s:s}]}}", "tenant", "ga1", "operationID", id, "kymaConfig",
                  "version", "1.24.5", "components", "component", "compass-runtime-agent", "namespace", "c",
                  "configuration", "key", "k", "value", value));
    ask(world, REQUEST_PROGRESS, "",
        json_pack("{s:[{s:s,s:s,s:s,s:b,s:s}]}", "reports", "runtimeID", "r0", "operationID", id, "stage",
                  "StartingUpgrade", "ok", 0, "message", "no"));
    store(world);
}

static void what_nobody_has_any_more_leaves_memory_and_stays_in_its_row(void **state)
{
    struct world world = { .random = 1, .now_ms = NOW_MS, .alone = true };

    (void)state;
    for (int table = 0; table < TABLES; table++)
        world.rows[table] = json_object();
    for (int i = 0; i < RUNTIMES; i++)
        world.installed[i] = strdup("");
    world.state = runtime_core.state_new(&runtime_scene_settings, 0);
    ask(&world, REQUEST_REGISTER, "r0", line(&world, "r0"));
    for (int i = 0; i < 6000; i++)
        upgrade_failed(&world, i);
    assert_true(json_object_size(world.rows[TABLE_CONFIGURATION]) > 6000);
    assert_true(bodies(world.state) < 50);
    assert_true(HASH_COUNT(((struct runtimes *)world.state)->configurations.by_hash) < 5000);
    upgrade_failed(&world, 6000);
    runtime_core.state_free(world.state);
    for (int table = 0; table < TABLES; table++)
        json_decref(world.rows[table]);
    for (int i = 0; i < RUNTIMES; i++)
        free(world.installed[i]);
    changes_release(&world.open);
    decision_release(&world.decision);
    calls_release(&world.calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hold_whatever_comes),
        cmocka_unit_test(what_nobody_has_any_more_leaves_memory_and_stays_in_its_row),
    };

    return cmocka_run_group_tests_name("runtime: random", tests, runtime_scene_setup, runtime_scene_teardown);
}
