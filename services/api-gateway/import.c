/* POST /instances:import: a fleet, one runtime a line. The broker registers the instance and hands the line on to the
 * provisioner; the answer comes when both have every line. With an Idempotency-Key each line is a part of the request: a
 * repetition counts what became of it the first time, and sends what has no outcome. Whoever sends lines under a key has
 * claimed it at the broker, for other gateways may be asked with it in the same moment. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/log/record.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/import_line.h"
#include "services/api-gateway/key_lease.h"
#include "services/api-gateway/keyed.h"

enum {
    TURN_LINES_MAX = 100,        /* read without giving others their turn */
    UNANSWERED_MAX = 2000,       /* lines under way */
    REJECTED_LISTED_MAX = 10000, /* of a file of rubbish no more is told, only counted */
};

struct repeated;

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
    struct idempotent idempotent;
    struct repeated *repeated; /* NULL: it is no repetition */
    struct key_lease *lease;   /* NULL: nothing has been sent under a key */
    bool lost;                 /* the lease, or a line's outcome: no more lines are sent, `lost_to` is answered */
    enum key_lease_state lost_to;
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

static void import_free(struct import *import)
{
    json_decref(import->actor);
    free(import->repeated);
    event_free(import->turn);
    free(import);
}

/* Why there is no report: the lines that have an outcome keep it, and a repetition goes on with the others. */
static void answer_lost(struct exchange *exchange, enum key_lease_state why)
{
    switch (why) {
    case KEY_LEASE_REUSED: keyed_refuse(exchange, IDEMPOTENCY_REUSED); break;
    case KEY_LEASE_FIRST:
    case KEY_LEASE_AGAIN:
    case KEY_LEASE_RENEWED:
    case KEY_LEASE_HELD: keyed_refuse(exchange, IDEMPOTENCY_RUNS); break;
    case KEY_LEASE_NO_KAFKA:
        answer_refused(exchange, 503,
                       "not all lines were accepted: Kafka does not answer; repeat with the same "
                       "Idempotency-Key");
        break;
    case KEY_LEASE_UNKNOWN:
        answer_refused(exchange, 504, "outcome unknown, repeat with the same Idempotency-Key");
        break;
    }
}

/* The key is free everywhere before the client can know the answer. */
static void answer(void *context)
{
    struct import *import = context;
    struct exchange *exchange = import->exchange;
    struct visit *visit = visit_of(exchange);

    keyed_release(exchange, &import->idempotent);
    if (import->lost) {
        answer_lost(exchange, import->lost_to);
    } else {
        snprintf(visit->reason, sizeof visit->reason, "%s", import->rejected_count > 0 ? "lines rejected" : "");
        exchange_answer_json(exchange, 200, report(import));
    }
    for (size_t i = 0; i < import->rejected_count; i++)
        free(import->rejected[i].error);
    free(import->rejected);
    import_free(import);
}

static void finish(struct import *import)
{
    if (import->lease != NULL)
        key_lease_end(import->lease, answer, import);
    else
        answer(import);
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

    if (is_complete(import) || import->lost ? import->unanswered == 0 : import->unanswered < UNANSWERED_MAX)
        if (!evtimer_pending(import->turn, NULL))
            evtimer_add(import->turn, &now);
}

static bool changes_nothing(const struct outcome *outcome)
{
    const char *result = json_string_value(json_object_get(outcome->body, "result"));

    return result != NULL && strcmp(result, "unchanged") == 0;
}

/* `first` is the broker's outcome, `last` the provisioner's, or the broker's if it refuses. */
static void count_answered(struct import *import, size_t line, const struct outcome *first, const struct outcome *last)
{
    const char *error = json_string_value(json_object_get(last->body, "error"));

    if (last->status >= 400)
        reject(import, line, error != NULL ? error : "refused without a reason");
    else if (changes_nothing(first) && changes_nothing(last))
        import->unchanged++;
    else
        import->imported++;
}

/* A line without an outcome. Under a key a report of it would be another one at each repetition: there is none then. */
static void leave(struct import *import, size_t line, enum key_lease_state why, const char *error)
{
    if (import->idempotent.key_id[0] == '\0') {
        reject(import, line, error);
    } else if (!import->lost) {
        import->lost = true;
        import->lost_to = why;
    }
}

static void line_decided(void *context, const struct request_result *result)
{
    struct line *line = context;
    struct import *import = line->import;

    switch (result->end) {
    case REQUEST_ANSWERED:
        count_answered(import, line->number, &result->outcomes[0], &result->outcomes[result->count - 1]);
        break;
    case REQUEST_NOT_WRITTEN:
        leave(import, line->number, KEY_LEASE_NO_KAFKA, "not accepted: Kafka does not answer; import the line again");
        break;
    case REQUEST_UNKNOWN:
        leave(import, line->number, KEY_LEASE_UNKNOWN,
              "outcome unknown: import the line again, which changes nothing if it was done");
        break;
    }
    free(line);
    import->unanswered--;
    go_on(import);
}

static void line_id(const struct import *import, size_t line, char id[IDEMPOTENCY_ID_SIZE])
{
    if (import->idempotent.key_id[0] != '\0')
        idempotency_request_id(&import->idempotent, (uint32_t)line, id);
    else
        uuid_random(id);
}

static void send_line(struct import *import, size_t number, json_t *content)
{
    const struct visit *visit = visit_of(import->exchange);
    struct line *line = malloc(sizeof *line);
    json_t *data = json_pack("{s:O, s:O}", "actor", import->actor, "line", content);
    struct error err = { 0 };
    char id[IDEMPOTENCY_ID_SIZE];

    if (line == NULL)
        abort();
    *line = (struct line){ import, number };
    line_id(import, number, id);
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
        if (err.code == ERROR_INPUT)
            reject(import, number, err.message);
        else
            leave(import, number, KEY_LEASE_NO_KAFKA, err.message);
        free(line);
    }
    json_decref(data);
}

/* --- The key's claim --- */

static void lease_changed(void *context, enum key_lease_state state);

static void claim_key(struct import *import)
{
    const struct visit *visit = visit_of(import->exchange);

    if (import->lease == NULL) /* else it is being renewed */
        import->lease = key_lease_begin(visit->gateway, &import->idempotent, import->actor, visit->traceparent,
                                        lease_changed, import);
}

static bool may_send(const struct import *import)
{
    return import->idempotent.key_id[0] == '\0' || (import->lease != NULL && key_lease_holds(import->lease));
}

/* --- Lines of a repetition --- */

/* Lines whose rows are looked for, at the broker and then at the provisioner; as many as are read in a turn. */
struct repeated {
    size_t count;    /* 0: none are looked for */
    bool is_looking; /* else they wait until the key is claimed */
    struct repeated_line {
        size_t number;
        json_t *content;
        struct outcome first; /* the broker's */
    } lines[TURN_LINES_MAX];
};

/* `content` (own). */
static void keep_line(struct repeated *repeated, size_t number, json_t *content)
{
    repeated->lines[repeated->count++] = (struct repeated_line){ .number = number, .content = content };
}

static void repeated_done(struct import *import)
{
    struct repeated *repeated = import->repeated;

    for (size_t i = 0; i < repeated->count; i++) {
        json_decref(repeated->lines[i].content);
        json_decref(repeated->lines[i].first.body);
    }
    repeated->count = 0;
    go_on(import);
}

static void give_up_lines(struct import *import)
{
    leave(import, import->repeated->lines[0].number, KEY_LEASE_UNKNOWN, "the database does not answer");
    repeated_done(import);
}

static void look_for_lines(struct import *import, const char *topic, outcomes_looked *done)
{
    char texts[TURN_LINES_MAX][IDEMPOTENCY_ID_SIZE];
    const char *ids[TURN_LINES_MAX];
    const size_t count = import->repeated->count;

    for (size_t i = 0; i < count; i++) {
        line_id(import, import->repeated->lines[i].number, texts[i]);
        ids[i] = texts[i];
    }
    import->repeated->is_looking = outcomes_look(visit_of(import->exchange)->gateway->pg, topic_number(topic), ids,
                                                 count, done, import, NULL);
    if (!import->repeated->is_looking)
        give_up_lines(import);
}

static bool lacks_outcome(const struct repeated *repeated, const struct outcome *found)
{
    for (size_t i = 0; i < repeated->count; i++) {
        const int first = repeated->lines[i].first.status;

        if (first == 0 || (first < 400 && found[i].status == 0))
            return true;
    }
    return false;
}

static void provisioner_looked(void *context, const struct outcome *found, size_t count)
{
    struct import *import = context;

    import->repeated->is_looking = false;
    if (found == NULL || import->lost) {
        give_up_lines(import);
        return;
    }
    if (lacks_outcome(import->repeated, found) && !may_send(import)) {
        claim_key(import);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct repeated_line *line = &import->repeated->lines[i];

        if (line->first.status >= 400)
            count_answered(import, line->number, &line->first, &line->first);
        else if (line->first.status != 0 && found[i].status != 0)
            count_answered(import, line->number, &line->first, &found[i]);
        else
            send_line(import, line->number, line->content);
    }
    repeated_done(import);
}

static void broker_looked(void *context, const struct outcome *found, size_t count)
{
    struct import *import = context;

    import->repeated->is_looking = false;
    if (found == NULL || import->lost) {
        give_up_lines(import);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(import->repeated->lines[i].first.body); /* of a look before the key was claimed */
        import->repeated->lines[i].first = found[i];
        json_incref(found[i].body);
    }
    look_for_lines(import, "runtimes", provisioner_looked);
}

static void repeat(struct import *import)
{
    import->repeated = calloc(1, sizeof *import->repeated);
    if (import->repeated == NULL)
        abort();
}

static void lease_changed(void *context, enum key_lease_state state)
{
    struct import *import = context;

    switch (state) {
    case KEY_LEASE_FIRST:
    case KEY_LEASE_RENEWED: break;
    case KEY_LEASE_AGAIN: /* what another process began and left: nothing has been read here */
        if (import->repeated == NULL)
            repeat(import);
        break;
    case KEY_LEASE_HELD:
    case KEY_LEASE_REUSED:
    case KEY_LEASE_NO_KAFKA:
    case KEY_LEASE_UNKNOWN: leave(import, import->line, state, ""); break;
    }
    if (import->repeated == NULL || import->repeated->count == 0)
        go_on(import);
    else if (import->repeated->is_looking)
        return;
    else if (import->lost)
        give_up_lines(import);
    else
        look_for_lines(import, "instances", broker_looked); /* again: other processes may have sent them meanwhile */
}

/* --- Reading --- */

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
    if (content == NULL || !import_line_seal(content, visit_of(import->exchange)->gateway->secrets, &err))
        reject(import, import->line, err.message);
    else if (import->repeated != NULL)
        keep_line(import->repeated, import->line, json_incref(content));
    else
        send_line(import, import->line, content);
    json_decref(content);
}

static void turn(evutil_socket_t fd, short what, void *context)
{
    struct import *import = context;

    (void)fd;
    (void)what;
    if (import->repeated != NULL && import->repeated->count > 0)
        return; /* it goes on when their rows are there */
    if (import->lease != NULL && !import->lost && !may_send(import))
        return; /* it goes on when the key is claimed again: if another one has it, that one's answer counts */
    if ((is_complete(import) || import->lost) && import->unanswered == 0) {
        finish(import);
        return;
    }
    if (import->lost)
        return; /* it goes on when the last line under way has its outcome */
    for (int i = 0; i < TURN_LINES_MAX && !is_complete(import) && import->unanswered < UNANSWERED_MAX; i++)
        read_line(import);
    if (import->repeated != NULL && import->repeated->count > 0)
        look_for_lines(import, "instances", broker_looked);
    else
        go_on(import);
}

static void claimed(void *context, enum idempotency_verdict verdict, const struct outcome *outcome)
{
    struct import *import = context;
    struct exchange *exchange = import->exchange;

    (void)outcome; /* of one line */
    switch (verdict) {
    case IDEMPOTENCY_REPEATED: /* and the key is claimed when a line has to be sent */
        repeat(import);
        go_on(import);
        break;
    case IDEMPOTENCY_NEW:
        if (may_send(import))
            go_on(import);
        else
            claim_key(import);
        break;
    case IDEMPOTENCY_UNKNOWN:
        keyed_release(exchange, &import->idempotent);
        import_free(import);
        keyed_refuse_unknown(exchange);
        break;
    case IDEMPOTENCY_RUNS:
    case IDEMPOTENCY_REUSED:
        import_free(import);
        keyed_refuse(exchange, verdict);
        break;
    }
}

void handle_import(struct exchange *exchange)
{
    size_t size;
    const char *bytes = exchange_body(exchange, &size);
    struct idempotent idempotent = { .key_id = "" };
    struct import *import;

    /* A fleet is long: it is hashed for a key alone. */
    if (exchange_header(exchange, "Idempotency-Key") != NULL && !keyed_read(exchange, bytes, size, &idempotent))
        return;
    import = calloc(1, sizeof *import);
    if (import == NULL)
        abort();
    import->exchange = exchange;
    import->bytes = bytes;
    import->size = size;
    import->idempotent = idempotent;
    import->actor = visit_actor(visit_of(exchange));
    import->turn = evtimer_new(visit_of(exchange)->gateway->base, turn, import);
    if (import->turn == NULL)
        abort();
    keyed_claim(exchange, "instances", &import->idempotent, claimed, import);
}
