#include "services/broker/fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MILLISECOND_US = 1000 };

struct interned {
    UT_hash_handle hh;
    char text[];
};

/* Sorted only when it is read: an import of thousands must not sort thousands of times. */
struct order {
    struct instance **items;
    size_t count, size;
    bool sorted;
};

struct fleet {
    int partition;
    struct instance *instances; /* by ID */
    struct interned *strings;
    struct order *order;
    struct places *places;
    struct claims *claims;
};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return memory;
}

static char *copy(const char *text)
{
    size_t size = text == NULL ? 1 : strlen(text) + 1;
    char *copied = allocate(size);

    if (text != NULL)
        memcpy(copied, text, size);
    return copied;
}

static void replace(char **text, const char *by)
{
    if (*text != NULL && strcmp(*text, by) == 0)
        return;
    free(*text);
    *text = copy(by);
}

/* --- The fleet --- */

struct fleet *fleet_new(int partition)
{
    struct fleet *fleet = allocate(sizeof *fleet);

    fleet->partition = partition;
    fleet->order = allocate(sizeof *fleet->order);
    fleet->order->sorted = true;
    fleet->places = places_new();
    fleet->claims = claims_new();
    return fleet;
}

static void operation_free(struct operation *operation)
{
    if (operation == NULL)
        return;
    free((char *)operation->id);
    free((char *)operation->orchestration_id);
    free((char *)operation->description);
    free(operation);
}

static void instance_free(struct instance *instance)
{
    for (int kind = 0; kind < UPGRADE_KINDS; kind++)
        for (size_t i = 0; i < UPGRADES_KEPT; i++)
            operation_free(instance->upgrades[kind].kept[i]);
    operation_free(instance->deprovision);
    free(instance->id);
    free(instance->runtime_id);
    free(instance->sub_account);
    free(instance->shoot);
    free(instance);
}

void fleet_free(struct fleet *fleet)
{
    struct instance *instance, *next_instance;
    struct interned *interned, *next_interned;

    if (fleet == NULL)
        return;
    HASH_ITER(hh, fleet->instances, instance, next_instance) {
        HASH_DEL(fleet->instances, instance);
        instance_free(instance);
    }
    HASH_ITER(hh, fleet->strings, interned, next_interned) {
        HASH_DEL(fleet->strings, interned);
        free(interned);
    }
    places_free(fleet->places);
    claims_free(fleet->claims);
    free(fleet->order->items);
    free(fleet->order);
    free(fleet);
}

int fleet_partition(const struct fleet *fleet)
{
    return fleet->partition;
}

struct places *fleet_places(const struct fleet *fleet)
{
    return fleet->places;
}

struct claims *fleet_claims(const struct fleet *fleet)
{
    return fleet->claims;
}

const char *fleet_intern(struct fleet *fleet, const char *text)
{
    struct interned *interned;
    size_t size;

    if (text == NULL || *text == '\0')
        return "";
    HASH_FIND_STR(fleet->strings, text, interned);
    if (interned == NULL) {
        size = strlen(text) + 1;
        interned = allocate(sizeof *interned + size);
        memcpy(interned->text, text, size);
        HASH_ADD_KEYPTR(hh, fleet->strings, interned->text, size - 1, interned);
    }
    return interned->text;
}

struct instance *fleet_find(const struct fleet *fleet, const char *instance_id)
{
    struct instance *instance;

    HASH_FIND_STR(fleet->instances, instance_id, instance);
    return instance;
}

/* --- Order --- */

static void order_add(struct order *order, struct instance *instance)
{
    if (order->count == order->size) {
        order->size = order->size == 0 ? 64 : order->size * 2;
        order->items = realloc(order->items, order->size * sizeof(struct instance *));
        if (order->items == NULL)
            abort();
    }
    if (order->count > 0 && strcmp(order->items[order->count - 1]->id, instance->id) > 0)
        order->sorted = false;
    order->items[order->count++] = instance;
}

static int by_id(const void *left, const void *right)
{
    const struct instance *const *a = left, *const *b = right;

    return strcmp((*a)->id, (*b)->id);
}

struct instance *const *fleet_after(const struct fleet *fleet, const char *cursor, size_t *count)
{
    struct order *order = fleet->order;
    size_t low = 0, high = order->count;

    *count = 0;
    if (order->count == 0)
        return NULL;
    if (!order->sorted)
        qsort(order->items, order->count, sizeof(struct instance *), by_id);
    order->sorted = true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(order->items[middle]->id, cursor) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    *count = order->count - low;
    return order->items + low;
}

/* --- Instances --- */

static struct instance *add(struct fleet *fleet, const char *instance_id)
{
    struct instance *instance = allocate(sizeof *instance);

    instance->id = copy(instance_id);
    instance->upgraded_version = "";
    HASH_ADD_KEYPTR(hh, fleet->instances, instance->id, strlen(instance->id), instance);
    order_add(fleet->order, instance);
    return instance;
}

struct instance *fleet_put(struct fleet *fleet, const struct instance_line *line)
{
    struct instance *instance = fleet_find(fleet, line->instance_id);

    if (instance == NULL)
        instance = add(fleet, line->instance_id);
    replace(&instance->runtime_id, line->runtime_id);
    replace(&instance->sub_account, line->sub_account);
    replace(&instance->shoot, line->shoot);
    instance->global_account = fleet_intern(fleet, line->global_account);
    instance->plan = fleet_intern(fleet, line->plan);
    instance->region = fleet_intern(fleet, line->region);
    instance->window_begin = fleet_intern(fleet, line->window_begin);
    instance->window_end = fleet_intern(fleet, line->window_end);
    instance->imported_version = fleet_intern(fleet, line->version);
    snprintf(instance->line_hash, sizeof instance->line_hash, "%s", line->hash);
    return instance;
}

void fleet_remove(struct fleet *fleet, const char *instance_id)
{
    struct instance *instance = fleet_find(fleet, instance_id);
    struct order *order = fleet->order;
    size_t i = 0;

    if (instance == NULL)
        return;
    while (order->items[i] != instance)
        i++;
    memmove(order->items + i, order->items + i + 1, (order->count - i - 1) * sizeof(struct instance *));
    order->count--;
    HASH_DEL(fleet->instances, instance);
    instance_free(instance);
}

/* --- Operations --- */

static struct operation *operation_new(const struct operation *operation)
{
    struct operation *copied = allocate(sizeof *copied);

    *copied = *operation;
    copied->id = copy(operation->id);
    copied->orchestration_id = copy(operation->orchestration_id);
    copied->description = copy(operation->description);
    return copied;
}

/* Which of two operations is the newer one. Of one instance only one runs at a time, so equal times mean that one began
 * as the other ended; then the later step in a runtime's life is the newer, and at last the ID decides. */
static bool is_newer(const struct operation *operation, const struct operation *than)
{
    if (operation->created_ms != than->created_ms)
        return operation->created_ms > than->created_ms;
    if (operation->type != than->type)
        return operation->type > than->type;
    return strcmp(operation->id, than->id) > 0;
}

/* UPGRADE_KINDS: it is no upgrade. */
static enum upgrade_kind kind_of(const struct operation *operation)
{
    bool direct = *operation->orchestration_id == '\0';

    switch (operation->type) {
    case OPERATION_UPGRADE_KYMA: return direct ? DIRECT_KYMA : UPGRADE_KYMA;
    case OPERATION_UPGRADE_CLUSTER: return direct ? DIRECT_CLUSTER : UPGRADE_CLUSTER;
    case OPERATION_PROVISION:
    case OPERATION_DEPROVISION: break;
    }
    return UPGRADE_KINDS;
}

static struct operation *const *place_of(const struct instance *instance, const struct operation *operation)
{
    enum upgrade_kind kind = kind_of(operation);

    if (kind == UPGRADE_KINDS)
        return instance->deprovision != NULL && strcmp(instance->deprovision->id, operation->id) == 0
                   ? &instance->deprovision
                   : NULL;
    for (size_t i = 0; i < UPGRADES_KEPT; i++)
        if (instance->upgrades[kind].kept[i] != NULL &&
            strcmp(instance->upgrades[kind].kept[i]->id, operation->id) == 0)
            return &instance->upgrades[kind].kept[i];
    return NULL;
}

/* The begin and the end of an operation may fall into one millisecond; the end is never undone by the begin. */
static bool is_later(const struct operation *operation, const struct operation *known)
{
    if (operation->updated_ms != known->updated_ms)
        return operation->updated_ms > known->updated_ms;
    return known->state == OPERATION_IN_PROGRESS && operation->state != OPERATION_IN_PROGRESS;
}

bool instance_learns(const struct instance *instance, const struct operation *operation)
{
    struct operation *const *place = place_of(instance, operation);
    enum upgrade_kind kind = kind_of(operation);
    const struct operation *oldest_kept = kind == UPGRADE_KINDS ? instance->deprovision
                                                                : instance->upgrades[kind].kept[UPGRADES_KEPT - 1];

    if (place != NULL)
        return is_later(operation, *place);
    return oldest_kept == NULL || is_newer(operation, oldest_kept);
}

static void learn_upgrade(struct upgrades *upgrades, const struct operation *operation)
{
    struct operation *moved = operation_new(operation);

    for (size_t i = 0; i < UPGRADES_KEPT && moved != NULL; i++) {
        if (upgrades->kept[i] == NULL || is_newer(moved, upgrades->kept[i])) {
            struct operation *pushed = upgrades->kept[i];

            upgrades->kept[i] = moved;
            moved = pushed;
        }
    }
    operation_free(moved);
    upgrades->count++;
}

void instance_learn(struct fleet *fleet, struct instance *instance, const struct operation *operation,
                    const char *version)
{
    struct operation **place = (struct operation **)place_of(instance, operation);
    enum upgrade_kind kind = kind_of(operation);

    if (place != NULL) {
        struct operation *known = *place;

        *place = operation_new(operation);
        (*place)->created_ms = known->created_ms; /* its place in the order stays */
        operation_free(known);
    } else if (kind != UPGRADE_KINDS) {
        learn_upgrade(&instance->upgrades[kind], operation);
    } else {
        operation_free(instance->deprovision);
        instance->deprovision = operation_new(operation);
    }
    if (operation->type == OPERATION_UPGRADE_KYMA && *version != '\0' &&
        operation->created_ms >= instance->upgraded_ms) {
        instance->upgraded_version = fleet_intern(fleet, version);
        instance->upgraded_ms = operation->created_ms;
    }
}

void instance_restore(struct instance *instance, const struct operation *operation)
{
    enum upgrade_kind kind = kind_of(operation);
    struct operation **place = &instance->deprovision;

    if (kind != UPGRADE_KINDS)
        place = &instance->upgrades[kind].kept[instance->upgrades[kind].kept[0] == NULL ? 0 : 1];
    operation_free(*place);
    *place = operation_new(operation);
}

/* The newest but the provisioning; NULL: there is none. */
static const struct operation *newest_reported(const struct instance *instance)
{
    const struct operation *newest = instance->deprovision;

    for (int kind = 0; kind < UPGRADE_KINDS; kind++) {
        const struct operation *upgrade = instance->upgrades[kind].kept[0];

        if (upgrade != NULL && (newest == NULL || is_newer(upgrade, newest)))
            newest = upgrade;
    }
    return newest;
}

struct listing instance_listing(const struct instance *instance)
{
    const struct operation *newest = newest_reported(instance);
    bool suspended = newest != NULL && newest->type == OPERATION_DEPROVISION && newest->state == OPERATION_SUCCEEDED;

    return (struct listing){ .listed = !instance->refused, .shown = !instance->refused && !suspended };
}

struct operation instance_provisioning(const struct instance *instance, char id[UUID_SIZE])
{
    char name[512];

    snprintf(name, sizeof name, "provision\n%s", instance->id);
    uuid_derive(name, id);
    return (struct operation){ .id = id,
                               .orchestration_id = "",
                               .description = "Operation succeeded",
                               .type = OPERATION_PROVISION,
                               .state = OPERATION_SUCCEEDED,
                               .created_ms = instance->created_us / MILLISECOND_US,
                               .updated_ms = instance->created_us / MILLISECOND_US };
}

struct operation instance_newest(const struct instance *instance, char id[UUID_SIZE])
{
    const struct operation *newest = newest_reported(instance);

    return newest != NULL ? *newest : instance_provisioning(instance, id);
}

const char *instance_version(const struct instance *instance)
{
    return *instance->upgraded_version != '\0' ? instance->upgraded_version : instance->imported_version;
}
