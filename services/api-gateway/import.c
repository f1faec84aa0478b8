/* POST /instances:import: a fleet, one runtime a line. The broker registers the instance and hands the line on to the
 * provisioner; the answer comes when both have every line. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/import_line.h"

enum {
    TURN_LINES_MAX = 100,        /* read without giving others their turn */
    UNANSWERED_MAX = 2000,       /* lines under way */
    REJECTED_LISTED_MAX = 10000, /* of a file of rubbish no more is told, only counted */
};

struct import {
    struct exchange *exchange;
    struct event *turn; /* reads on */
    const char *bytes;  /* of the body */
    size_t size, position;
    size_t line; /* number of the line read last */
    size_t unanswered;
    json_int_t imported, unchanged;
    struct rejected {
        size_t line;
        char *error;
    } * rejected;
    size_t rejected_count, rejected_size, rejected_more;
    json_t *actor;
};

struct line {
    struct import *import;
    size_t number;
};

/* --- The answer --- */

static void reject(struct import *import, size_t line, const char *error)
{
    if (import->rejected_count == REJECTED_LISTED_MAX) {
        import->rejected_more++;
        return;
    }
    if (import->rejected_count == import->rejected_size) {
        import->rejected_size = import->rejected_size * 2 + 16;
        import->rejected = realloc(import->rejected, import->rejected_size * sizeof *import->rejected);
        if (import->rejected == NULL)
            abort();
    }
    import->rejected[import->rejected_count] = (struct rejected){ line, strdup(error) };
    if (import->rejected[import->rejected_count++].error == NULL)
        abort();
}

static int by_line(const void *a, const void *b)
{
    const size_t first = ((const struct rejected *)a)->line, second = ((const struct rejected *)b)->line;

    return (first > second) - (first < second);
}

static json_t *report(struct import *import)
{
    json_t *rejected = json_array(), *report;

    if (import->rejected_count > 0)
        qsort(import->rejected, import->rejected_count, sizeof *import->rejected, by_line);
    for (size_t i = 0; i < import->rejected_count; i++) {
        json_t *line = json_pack("{s:I}", "line", (json_int_t)import->rejected[i].line);

        json_object_set_new(line, "error", json_text(import->rejected[i].error));
        json_array_append_new(rejected, line);
    }
    report = json_pack("{s:I, s:I, s:o}", "imported", import->imported, "unchanged", import->unchanged, "rejected",
                       rejected);
    if (import->rejected_more > 0)
        json_object_set_new(report, "rejectedMore", json_integer((json_int_t)import->rejected_more));
    return report;
}

static void finish(struct import *import)
{
    struct visit *visit = visit_of(import->exchange);

    snprintf(visit->reason, sizeof visit->reason, "%s", import->rejected_count > 0 ? "lines rejected" : "");
    exchange_answer_json(import->exchange, 200, report(import));
    for (size_t i = 0; i < import->rejected_count; i++)
        free(import->rejected[i].error);
    free(import->rejected);
    json_decref(import->actor);
    event_free(import->turn);
    free(import);
}

/* --- Lines --- */

static bool is_complete(const struct import *import)
{
    return import->position == import->size;
}

/* Reads on or finishes, from the loop: whatever runs now still holds the import. */
static void go_on(struct import *import)
{
    const struct timeval now = { 0, 0 };

    if (is_complete(import) ? import->unanswered == 0 : import->unanswered < UNANSWERED_MAX)
        if (!evtimer_pending(import->turn, NULL))
            evtimer_add(import->turn, &now);
}

static bool changes_nothing(const struct outcome *outcome)
{
    const char *result = json_string_value(json_object_get(outcome->body, "result"));

    return result != NULL && strcmp(result, "unchanged") == 0;
}

static void count_answered(struct import *import, size_t line, const struct request_result *result)
{
    const struct outcome *last = &result->outcomes[result->count - 1];
    const char *error = json_string_value(json_object_get(last->body, "error"));

    if (last->status >= 400)
        reject(import, line, error != NULL ? error : "refused without a reason");
    else if (changes_nothing(&result->outcomes[0]) && changes_nothing(last))
        import->unchanged++;
    else
        import->imported++;
}

static void line_decided(void *context, const struct request_result *result)
{
    struct line *line = context;
    struct import *import = line->import;

    switch (result->end) {
    case REQUEST_ANSWERED: count_answered(import, line->number, result); break;
    case REQUEST_NOT_WRITTEN:
        reject(import, line->number, "not accepted: Kafka does not answer; import the line again");
        break;
    case REQUEST_UNKNOWN:
        reject(import, line->number, "outcome unknown: import the line again, which changes nothing if it was done");
        break;
    }
    free(line);
    import->unanswered--;
    go_on(import);
}

static void send_line(struct import *import, json_t *content)
{
    const struct visit *visit = visit_of(import->exchange);
    struct line *line = malloc(sizeof *line);
    json_t *data = json_pack("{s:O, s:O}", "actor", import->actor, "line", content);
    struct error err = { 0 };
    char id[UUID_SIZE];

    if (line == NULL)
        abort();
    *line = (struct line){ import, import->line };
    uuid_random(id);
    if (request_send(visit->gateway->requests,
                     &(struct ask){ .id = id,
                                    .topic = "instances",
                                    .key = json_string_value(json_object_get(content, "instanceID")),
                                    .type = "tidegate.instance.import.v1",
                                    .traceparent = visit->traceparent,
                                    .data = data,
                                    .then = "runtimes",
                                    .is_bulk = true },
                     line_decided, line, &err)) {
        import->unanswered++;
    } else {
        reject(import, import->line, err.message);
        free(line);
    }
    json_decref(data);
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\r", bytes[i]) == NULL)
            return false;
    return true;
}

static void read_line(struct import *import)
{
    const char *begin = import->bytes + import->position;
    const char *feed = memchr(begin, '\n', import->size - import->position);
    const size_t size = feed != NULL ? (size_t)(feed - begin) : import->size - import->position;
    struct error err = { 0 };
    json_t *content;

    import->position += size + (feed != NULL);
    import->line++;
    if (is_blank(begin, size))
        return;
    content = import_line_read(begin, size, &err);
    if (content != NULL && import_line_seal(content, visit_of(import->exchange)->gateway->secrets, &err))
        send_line(import, content);
    else
        reject(import, import->line, err.message);
    json_decref(content);
}

static void turn(evutil_socket_t fd, short what, void *context)
{
    struct import *import = context;

    (void)fd;
    (void)what;
    if (is_complete(import) && import->unanswered == 0) {
        finish(import);
        return;
    }
    for (int i = 0; i < TURN_LINES_MAX && !is_complete(import) && import->unanswered < UNANSWERED_MAX; i++)
        read_line(import);
    go_on(import);
}

void handle_import(struct exchange *exchange)
{
    struct import *import = calloc(1, sizeof *import);

    if (import == NULL)
        abort();
    import->exchange = exchange;
    import->bytes = exchange_body(exchange, &import->size);
    import->actor = visit_actor(visit_of(exchange));
    import->turn = evtimer_new(visit_of(exchange)->gateway->base, turn, import);
    if (import->turn == NULL)
        abort();
    go_on(import);
}
