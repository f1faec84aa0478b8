/* parts.h - what the files of the scheduler's core share. Private to it. */
#ifndef TIDEGATE_SCHEDULER_PARTS_H
#define TIDEGATE_SCHEDULER_PARTS_H

#include <jansson.h>
#include <stdint.h>

#include "common/log/core.h"
#include "services/scheduler/adoption.h"
#include "services/scheduler/schedule.h"
#include "services/scheduler/timers.h"

/* Named in schedule_core. */
enum request_type { REQUEST_SCHEDULE, REQUEST_DROP, REQUEST_WAKE, REQUEST_POLICY };

enum event_type {
    EVENT_OPENED,
    EVENT_PLANNED,
    EVENT_REFUSED,
    EVENT_DROPPED,
    EVENT_REJECTED,
    EVENT_POLICY_ADOPTED,
    EVENT_POLICY_REFUSED,
};

struct schedule {
    const struct schedule_settings *settings; /* NULL: none */
    struct timers *timers;
    struct adoption adoption;
};

/* decide.c */
void schedule_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out);

/* --- Members of an object --- */

static inline const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Empty is none. */
static inline const char *id_of(const json_t *object, const char *name)
{
    const char *id = text_of(object, name);

    return id == NULL || *id == '\0' ? NULL : id;
}

static inline int64_t integer_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

#endif
