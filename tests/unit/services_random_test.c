/* All four cores together under random requests of clients: upgrades in both lanes, dry runs, retries, cancels, bounds
 * on failures, maintenance policies, releases. What is promised must hold at any moment and in the end. A failure
 * prints its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/orchestrator/orchestration.h"
#include "tests/unit/services_model.h"

enum { EPISODES = 60, STEPS = 1500, STEPS_IN_HASTE = 300 };
enum { RUNTIMES = 10, ORCHESTRATIONS_MAX = 40, ROUNDS_MAX = 200000, HOUR_MS = 3600000 };

static struct releases *releases;

static const char *const lanes[] = { "kyma", "cluster" };

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

/* --- Requests --- */

static void ask(struct model *model, enum services_index service, const char *key, const char *type, json_t *data)
{
    services_ask(model->services,
                 (struct services_request){ .service = service, .key = key, .type = type, .data = data });
}

static unsigned draw(const struct model *model, unsigned below)
{
    return services_draw(model->services, below);
}

static void ask_import(struct model *model)
{
    static const char *const plans[] = { "azure", "trial", "aws" };
    static const char *const begins[] = { "", "093000+0000", "220000+0100" };
    static const char *const ends[] = { "", "113000+0000", "040000+0100" };
    unsigned index = draw(model, RUNTIMES), window = draw(model, 3);
    char instance[16], runtime[16], account[16];

    snprintf(instance, sizeof instance, "i%u", index);
    snprintf(runtime, sizeof runtime, "r%u", index);
    snprintf(account, sizeof account, "ga%u", index % 3);
    ask(model, BROKER, instance, "tidegate.instance.import.v1",
        json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}}", "line", "instanceID", instance, "runtimeID", runtime,
                  "globalAccount", account, "subAccount", index % 2 == 0 ? "sa0" : "sa1", "planName", plans[index % 3],
                  "region", "westeurope", "shootName", runtime, "kymaVersion", "2.3.0", "maintenanceWindowBegin",
                  begins[window], "maintenanceWindowEnd", ends[window]));
}

static json_t *targets(const struct model *model)
{
    char name[16];

    snprintf(name, sizeof name, draw(model, 2) == 0 ? "^ga%u$" : "^ga[%u1]", draw(model, 3));
    return draw(model, 3) == 0 ? json_pack("{s:s}", "target", "all") : json_pack("{s:s}", "globalAccount", name);
}

static void ask_upgrade(struct model *model)
{
    const char *lane = lanes[draw(model, 2)];
    char id[16];
    json_t *strategy, *parameters;

    if (json_object_size(model->orchestrations) >= ORCHESTRATIONS_MAX)
        return;
    snprintf(id, sizeof id, "%s%u", lane, draw(model, 200)); /* now and then one that there is */
    strategy = json_pack("{s:s,s:s,s:{s:i}}", "type", "parallel", "schedule",
                         draw(model, 3) == 0 ? "maintenanceWindow" : "immediate", "parallel", "workers",
                         1 + (int)draw(model, 4));
    if (draw(model, 3) == 0)
        json_object_set_new(strategy, "maxFailures", json_integer(1 + (int)draw(model, 3)));
    parameters = json_pack("{s:{s:[o]},s:o,s:b}", "targets", "include", targets(model), "strategy", strategy, "dryRun",
                           draw(model, 8) == 0);
    if (draw(model, 4) == 0)
        json_object_set_new(parameters, "kyma", json_pack("{s:s}", "version", "2.3.0"));
    ask(model, ORCHESTRATOR, lane, "tidegate.orchestration.upgrade.v1",
        json_pack("{s:s,s:b,s:s,s:s,s:o}", "orchestrationID", id, "keyed", 1, "lane", lane, "bodyHash", "h",
                  "parameters", parameters));
}

/* Of an orchestration that there is; else NULL. */
static const char *some_orchestration(const struct model *model)
{
    unsigned skip = json_object_size(model->orchestrations) == 0
                        ? 0
                        : draw(model, (unsigned)json_object_size(model->orchestrations));
    const char *id;
    json_t *orchestration;

    json_object_foreach(model->orchestrations, id, orchestration) {
        if (skip-- == 0)
            return id;
    }
    return NULL;
}

static void ask_cancel_of(struct model *model, const char *id)
{
    ask(model, ORCHESTRATOR, text_of(json_object_get(model->orchestrations, id), "lane"),
        "tidegate.orchestration.cancel.v1", json_pack("{s:s}", "orchestrationID", id));
}

static void ask_cancel(struct model *model)
{
    const char *id = some_orchestration(model);

    if (id != NULL)
        ask_cancel_of(model, id);
}

/* Of all, or of some that may have failed or not; some come again with their key. */
static void ask_retry_of(struct model *model, const char *id)
{
    const char *lane = text_of(json_object_get(model->orchestrations, id), "lane"), *name;
    json_t *data = json_pack("{s:s,s:s,s:[]}", "orchestrationID", id, "lane", lane, "operations"), *operation;
    char key[16];

    if (draw(model, 2) == 0)
        json_object_foreach(model->operations, name, operation)
            if (strcmp(text_of(operation, "orchestration"), id) == 0 && draw(model, 2) == 0)
                json_array_append_new(json_object_get(data, "operations"), json_string(name));
    if (draw(model, 2) == 0) {
        snprintf(key, sizeof key, "k%u", draw(model, 100));
        set(data, "retryID", key);
        set(data, "bodyHash", draw(model, 4) == 0 ? "h1" : "h2");
        if (draw(model, 2) == 0)
            ask(model, ORCHESTRATOR, lane, "tidegate.orchestration.retry.v1", json_deep_copy(data));
    }
    ask(model, ORCHESTRATOR, lane, "tidegate.orchestration.retry.v1", data);
}

static void ask_retry(struct model *model)
{
    const char *id = some_orchestration(model);

    if (id != NULL)
        ask_retry_of(model, id);
}

/* Several clients at once. */
static void ask_all_of_one(struct model *model)
{
    const char *id = some_orchestration(model);

    for (unsigned i = 2 + draw(model, 3); id != NULL && i > 0; i--) {
        if (draw(model, 4) == 0)
            ask_cancel_of(model, id);
        else
            ask_retry_of(model, id);
    }
}

/* The last one is wrong. */
enum { POLICIES = 4 };

/* As tidegate.schedule.policy.v1 has it; own. */
static json_t *policy(unsigned index)
{
    static const char *const policies[POLICIES] = {
        "{}",
        "{\"rules\": [{\"match\": {\"plan\": \"^trial$\"}, \"days\": [\"Sat\", \"Sun\"]}]}",
        "{\"default\": {\"timeBegin\": \"200000+0000\", \"timeEnd\": \"060000+0000\"}}",
        "{\"default\": {\"days\": [\"Monday\"]}}",
    };
    json_t *body = json_loads(policies[index], 0, NULL);
    char hash[SHA256_HEX_SIZE];

    configuration_hash(body, hash);
    return json_pack("{s:s,s:o}", "hash", hash, "policy", body);
}

static void ask_policy(struct model *model, unsigned index)
{
    json_t *data = policy(index);

    for (int partition = 0; partition < SERVICES_PARTITIONS; partition++)
        services_ask(model->services, (struct services_request){ .service = SCHEDULER,
                                                                 .partition = partition,
                                                                 .type = "tidegate.schedule.policy.v1",
                                                                 .data = json_deep_copy(data) });
    json_decref(data);
}

/* Each makes something else of a version; only the last one has the version of all accounts. */
enum { FOLDERS = 3 };

static json_t *folder(unsigned index)
{
    static const char *const values[FOLDERS] = { "v", "w", "x" };
    json_t *release = json_pack("{s:s,s:[{s:s,s:s}],s:[{s:s,s:s}]}", "version", "2.4.2", "components", "component",
                                "istio", "namespace", "istio-system", "configuration", "key", "k", "value",
                                values[index]);
    json_t *older = json_deep_copy(release), *newer = json_deep_copy(release);
    json_t *all = json_pack("{s:[o,O]}", "releases", older, release);

    set(older, "version", "2.3.0");
    set(newer, "version", "2.9.9");
    if (index > 0) {
        json_object_set_new(all, "versions",
                            json_pack("{s:{s:s,s:s}}", "accounts", "GA_ga0", "2.3.0", "SA_sa1", "2.9.9"));
        json_object_set_new(release, "overrides",
                            json_pack("[{s:{s:s},s:[{s:s,s:s}]}]", "match", "plan", "trial", "configuration", "key",
                                      "k", "value", "small"));
    }
    if (index == FOLDERS - 1)
        json_array_append(json_object_get(all, "releases"), newer);
    json_decref(newer);
    json_decref(release);
    return all;
}

static void ask_releases(struct model *model, unsigned index, bool wrong)
{
    json_t *all = folder(index), *data;
    char hash[SHA256_HEX_SIZE];

    configuration_hash(all, hash);
    data = wrong ? json_pack("{s:s,s:s}", "hash", hash, "error", "2.4.2.json: line 1: no")
                 : json_pack("{s:s,s:O}", "hash", hash, "releases", all);
    for (size_t i = 0; i < 2; i++)
        ask(model, ORCHESTRATOR, lanes[i], "tidegate.orchestration.releases.v1", json_deep_copy(data));
    json_decref(data);
    json_decref(all);
}

static void ask_deprovision(struct model *model)
{
    unsigned index = draw(model, RUNTIMES);
    char runtime[16], operation[24];

    if (index > 1) /* two of them at most */
        return;
    snprintf(runtime, sizeof runtime, "r%u", index);
    snprintf(operation, sizeof operation, "gone-%lld", (long long)draw(model, 1000000));
    ask(model, PROVISIONER, runtime, "tidegate.runtime.deprovision.v1",
        json_pack("{s:s,s:s}", "runtimeID", runtime, "operationID", operation));
}

/* Clients change runtimes beside the orchestrations; few of them put one to sleep. */
static void ask_mutation(struct model *model)
{
    unsigned index = draw(model, RUNTIMES), kind = draw(model, 8);
    char runtime[16], tenant[16], operation[24];
    json_t *data;

    snprintf(runtime, sizeof runtime, "r%u", index);
    snprintf(tenant, sizeof tenant, "ga%u", index % 3);
    snprintf(operation, sizeof operation, "own-%u", draw(model, 1000000));
    data = json_pack("{s:s,s:s}", "tenant", tenant, "operationID", operation);
    if (kind < 4) {
        json_object_set_new(data, "kymaConfig",
                            json_pack("{s:s,s:[{s:s,s:s}]}", "version", "2.3.0", "components", "component", "own",
                                      "namespace", "own"));
        ask(model, PROVISIONER, runtime, "tidegate.runtime.upgradeKyma.v1", data);
    } else if (kind < 6) {
        json_object_del(data, "operationID");
        ask(model, PROVISIONER, runtime, "tidegate.runtime.rollBack.v1", data);
    } else if (kind < 7 || index != 2) {
        json_object_set_new(data, "gardenerConfig", json_pack("{s:s}", "kubernetesVersion", "1.22.0"));
        ask(model, PROVISIONER, runtime, "tidegate.runtime.upgradeShoot.v1", data);
    } else {
        ask(model, PROVISIONER, runtime, "tidegate.runtime.hibernate.v1", data);
    }
}

static void ask_something(struct model *model)
{
    switch (draw(model, 23)) {
    case 0:
    case 1:
    case 2: ask_import(model); break;
    case 3:
    case 4:
    case 5:
    case 6: ask_upgrade(model); break;
    case 7:
    case 8: ask_cancel(model); break;
    case 9: ask_policy(model, draw(model, POLICIES)); break;
    case 10: ask_releases(model, draw(model, FOLDERS), draw(model, 5) == 0); break;
    case 11: ask_deprovision(model); break;
    case 12:
    case 13: ask_all_of_one(model); break;
    case 14: ask_mutation(model); break;
    default: ask_retry(model); break;
    }
}

/* --- Episodes --- */

static void step(struct model *model)
{
    struct services *services = model->services;

    services_pass(services, draw(model, 300));
    switch (draw(model, 24)) {
    case 0:
    case 1: ask_something(model); break;
    case 2: services_take_over(services); break;
    case 3: services_pass(services, draw(model, 20) == 0 ? (int64_t)draw(model, 8) * HOUR_MS : 1000); break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: services_drive(services, false); break;
    case 9:
    case 10: services_wake(services); break;
    default: services_decide(services); break;
    }
}

/* Nobody asks any more: until nothing follows. */
static void come_to_rest(struct model *model)
{
    struct services *services = model->services;

    for (int round = 0; services_decide(services) || services_wake(services) || services_drive(services, true); round++)
        if (round == ROUNDS_MAX)
            services_fail(services, "it does not come to rest");
}

static bool retry_stopped(struct model *model)
{
    bool any = false;

    for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
        const json_t *rows = services_rows(model->services, ORCHESTRATOR, "orchestration", partition);
        const char *id;
        json_t *row;

        json_object_foreach((json_t *)(uintptr_t)rows, id, row) {
            if (!json_is_true(json_object_get(row, "stopped")) || strcmp(text_of(row, "state"), "in progress") != 0)
                continue;
            ask(model, ORCHESTRATOR, text_of(row, "lane"), "tidegate.orchestration.retry.v1",
                json_pack("{s:s,s:[]}", "orchestrationID", id, "operations"));
            any = true;
        }
    }
    return any;
}

/* Whatever was asked for comes to an end: through all windows, and past all bounds. */
static void end_all(struct model *model)
{
    struct services *services = model->services;

    ask_releases(model, FOLDERS - 1, false); /* what lacks its release would fail again and again */
    for (int round = 0; round < 400; round++) {
        int64_t deadline_ms;

        come_to_rest(model);
        model_check(model);
        deadline_ms = services_deadline_ms(services);
        if (deadline_ms != DEADLINE_NEVER) {
            services_pass(services, deadline_ms - services_now_ms(services));
            continue;
        }
        services_pass(services, ORCHESTRATION_ANSWERS_MS); /* what is ready waits for none of those that fail again */
        if (!retry_stopped(model))
            return;
    }
    services_fail(services, "there is always something more to come");
}

/* Seeds differ in whether clients hurry, and in whether the scheduler finds a policy when it starts. */
static void play(uint64_t seed)
{
    json_t *at_start = seed % 2 == 0 ? policy((unsigned)(seed / 2 % POLICIES)) : NULL;
    bool in_haste = seed % 3 == 0;
    struct model model;

    model_init(&model);
    model.at_start = releases;
    model.services = services_new(seed, (struct services_files){ .releases = releases, .policy = at_start },
                                  model_event, &model);
    if (at_start == NULL || seed % 4 == 0)
        ask_policy(&model, 0);
    for (int i = 0; i < 3 * RUNTIMES; i++)
        ask_import(&model);
    for (int i = 0; i < (in_haste ? STEPS_IN_HASTE : STEPS); i++) {
        if (in_haste && draw(&model, 4) == 0)
            ask_something(&model);
        step(&model);
        if (i % 20 == 0)
            model_check(&model);
    }
    end_all(&model);
    model_check_ended(&model);
    services_free(model.services);
    model_release(&model);
    json_decref(at_start);
}

static void what_is_promised_holds_whatever_comes(void **state)
{
    const char *only = getenv("TIDEGATE_TEST_SEED");

    (void)state;
    if (only != NULL)
        play(strtoull(only, NULL, 10));
    for (uint64_t seed = 1; only == NULL && seed <= EPISODES; seed++)
        play(seed);
}

static int make_releases(void **state)
{
    json_t *all = folder(0);
    struct error err;

    (void)state;
    releases = releases_new(all, &err);
    json_decref(all);
    if (releases == NULL)
        print_message("%s\n", err.message);
    return releases == NULL ? -1 : 0;
}

static int drop_releases(void **state)
{
    (void)state;
    releases_free(releases);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_promised_holds_whatever_comes) };

    return cmocka_run_group_tests_name("services: random", tests, make_releases, drop_releases);
}
