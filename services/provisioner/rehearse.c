/* rehearse.c - dry runs of the upgrades that orchestrations order. They wait, are preempted and are refused as real ones are;
 * what could start has succeeded instead. It leaves the runtime as it is, and none but its lane learns of it. */
#include "services/provisioner/decide.h"

bool rehearsal_is_sound(const struct request *request, struct error *why)
{
    const json_t *dry = json_object_get(request->data, "dryRun");

    /* Whatever else it may mean, it must not start an upgrade. */
    return dry == NULL || json_is_boolean(dry) || error_set(why, ERROR_INPUT, "dryRun: must be true or false");
}

bool rehearsal_is_asked(const struct request *request)
{
    return json_is_true(json_object_get(request->data, "dryRun"));
}

void rehearsal_decide(const struct request *request, json_t *about, struct decision *out)
{
    json_object_set_new(about, "message", json_string("dry run succeeded"));
    decision_event(out, EVENT_REHEARSED, request->subject, about);
}
