#include "common/pg/pg.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MIN_MS = 100,
    PAUSE_MAX_MS = 2000,
    CONNECT_LIMIT_MS = 10000, /* libpq's connect_timeout does not count for PQconnectPoll */
    RESULTS_MAX = 1000,       /* of one script; far more than any DDL has statements */
};

enum state {
    STATE_PAUSING,    /* until `timer` fires */
    STATE_CONNECTING, /* until `timer` fires at the latest */
    STATE_SETTING_UP, /* scripts, one at a time, outside of the pipeline */
    STATE_READY,
    STATE_STOPPED, /* for ever */
};

/* What was sent and is not yet answered: a segment, or a script of the setup. */
struct unanswered {
    struct unanswered *next;
    pg_done *done;
    void *context;
    size_t sent;        /* statements of a segment */
    size_t count, size; /* results so far, and the room for them */
    PGresult **results;
    PGresult *refusal; /* the first error; owned */
    size_t refused;
};

struct pg {
    struct event_base *base;
    char *conninfo, *setup_sql;
    struct pg_hooks hooks;
    size_t segments_max;

    enum state state;
    PGconn *conn;                      /* NULL while pausing and stopped */
    struct event *readable, *writable; /* of its socket */
    struct event *timer;
    int64_t pause_ms;
    char said[ERROR_MESSAGE_SIZE]; /* the server's last words, which come as a notice when nothing was asked */

    struct unanswered *first, **last;
    size_t unanswered_count;

    int depth;   /* callbacks under way: not to be freed below them */
    bool broken; /* sending failed: the loop's next round finds out, not the sender */
    bool closed;
};

static void on_timer(evutil_socket_t fd, short what, void *argument);
static void on_socket(evutil_socket_t fd, short what, void *argument);

/* --- Callbacks --- */

static void pg_free(struct pg *pg)
{
    if (pg->timer != NULL)
        event_free(pg->timer);
    free(pg->conninfo);
    free(pg->setup_sql);
    free(pg);
}

static void enter(struct pg *pg)
{
    pg->depth++;
}

static void leave(struct pg *pg)
{
    if (--pg->depth == 0 && pg->closed)
        pg_free(pg);
}

/* libpq's messages have several lines and a closing newline; a log line has one. */
static void message_copy(char out[ERROR_MESSAGE_SIZE], const char *message)
{
    size_t size = 0;

    for (const char *at = message; *at != '\0' && size < ERROR_MESSAGE_SIZE - 1; at++) {
        if (*at == '\n' || *at == '\t' || *at == ' ') {
            if (size > 0 && out[size - 1] != ' ')
                out[size++] = ' ';
        } else {
            out[size++] = *at;
        }
    }
    while (size > 0 && out[size - 1] == ' ')
        size--;
    out[size] = '\0';
}

static void on_notice(void *argument, const PGresult *result)
{
    struct pg *pg = argument;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        message_copy(pg->said, PQresultErrorMessage(result));
}

/* --- What was sent, and its answers --- */

static struct unanswered *unanswered_add(struct pg *pg, size_t sent, pg_done *done, void *context)
{
    struct unanswered *item = calloc(1, sizeof *item);

    if (item == NULL)
        return NULL;
    item->size = sent > 0 ? sent : 8;
    item->results = calloc(item->size, sizeof(PGresult *));
    if (item->results == NULL) {
        free(item);
        return NULL;
    }
    item->sent = sent;
    item->done = done;
    item->context = context;
    *pg->last = item;
    pg->last = &item->next;
    pg->unanswered_count++;
    return item;
}

static struct unanswered *unanswered_take(struct pg *pg)
{
    struct unanswered *item = pg->first;

    pg->first = item->next;
    if (pg->first == NULL)
        pg->last = &pg->first;
    pg->unanswered_count--;
    return item;
}

static void unanswered_free(struct unanswered *item)
{
    for (size_t i = 0; i < item->count; i++)
        PQclear(item->results[i]);
    PQclear(item->refusal);
    free(item->results);
    free(item);
}

/* `result` is taken over. */
static void unanswered_result(struct unanswered *item, PGresult *result)
{
    if (item->count == item->size) {
        size_t size = item->size * 2;
        PGresult **results = size > RESULTS_MAX ? NULL : realloc(item->results, size * sizeof(PGresult *));

        if (results == NULL) { /* the caller sees fewer results than statements; only scripts come here */
            PQclear(result);
            return;
        }
        item->results = results;
        item->size = size;
    }
    item->results[item->count++] = result;
}

/* `result` is taken over. The errors after the first are only its echo. */
static void unanswered_refuse(struct unanswered *item, PGresult *result)
{
    if (item->refusal != NULL) {
        PQclear(result);
        return;
    }
    item->refused = item->count;
    item->refusal = result;
}

/* Connection, resources, operator and conflict of transactions pass with time; the rest is our mistake. */
static enum error_code sqlstate_code(const char *sqlstate)
{
    static const char *const passing[] = { "08", "40", "53", "55", "57", "58" };

    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (strncmp(sqlstate, passing[i], 2) == 0)
            return ERROR_UNAVAILABLE;
    return ERROR_INTERNAL;
}

static void answer_refused(const struct unanswered *item, struct pg_answer *answer)
{
    const char *sqlstate = PQresultErrorField(item->refusal, PG_DIAG_SQLSTATE);
    char message[ERROR_MESSAGE_SIZE];

    answer->outcome = PG_ERROR;
    answer->refused = item->refused;
    snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", sqlstate != NULL ? sqlstate : "");
    message_copy(message, PQresultErrorMessage(item->refusal));
    error_set(&answer->err, sqlstate_code(answer->sqlstate), "PostgreSQL: %s", message);
}

static void segment_finish(struct pg *pg)
{
    struct unanswered *item = unanswered_take(pg);
    struct pg_answer answer = { .outcome = PG_DONE, .results = item->results, .count = item->count };

    if (item->refusal != NULL)
        answer_refused(item, &answer);
    if (item->done != NULL)
        item->done(item->context, &answer);
    unanswered_free(item);
}

static void segments_lose(struct pg *pg, const struct error *err)
{
    struct unanswered *item = pg->first;

    /* Taken off first: an answer may ask how many are unanswered. */
    pg->first = NULL;
    pg->last = &pg->first;
    pg->unanswered_count = 0;
    while (item != NULL) {
        struct unanswered *next = item->next;
        struct pg_answer answer = { .outcome = PG_LOST, .err = *err };

        if (item->done != NULL)
            item->done(item->context, &answer);
        unanswered_free(item);
        item = next;
    }
}

/* --- The connection --- */

static void socket_forget(struct pg *pg)
{
    if (pg->readable != NULL)
        event_free(pg->readable);
    if (pg->writable != NULL)
        event_free(pg->writable);
    pg->readable = pg->writable = NULL;
}

static bool socket_watch(struct pg *pg)
{
    int fd = PQsocket(pg->conn);

    pg->readable = event_new(pg->base, fd, EV_READ | EV_PERSIST, on_socket, pg);
    pg->writable = event_new(pg->base, fd, EV_WRITE, on_socket, pg);
    return fd >= 0 && pg->readable != NULL && pg->writable != NULL;
}

static void timer_set(struct pg *pg, int64_t after_ms)
{
    struct timeval after = { .tv_sec = after_ms / 1000, .tv_usec = (after_ms % 1000) * 1000 };

    event_add(pg->timer, &after);
}

static void connection_drop(struct pg *pg, enum state state)
{
    socket_forget(pg);
    if (pg->conn != NULL)
        PQfinish(pg->conn);
    pg->conn = NULL;
    pg->broken = false;
    pg->said[0] = '\0';
    pg->state = state;
    event_del(pg->timer);
}

/* The one way from any state back to pausing. `why` may be NULL: libpq or the server has said it. */
static void connection_lose(struct pg *pg, const char *why)
{
    bool was_ready = pg->state == STATE_READY;
    const struct pg_hooks *hooks = &pg->hooks;
    char message[ERROR_MESSAGE_SIZE];
    struct error err;

    if (why != NULL)
        message_copy(message, why);
    else if (pg->said[0] != '\0')
        message_copy(message, pg->said);
    else
        message_copy(message, pg->conn != NULL ? PQerrorMessage(pg->conn) : "no memory");
    error_set(&err, ERROR_UNAVAILABLE, "PostgreSQL: %s", message[0] != '\0' ? message : "the connection was lost");

    connection_drop(pg, STATE_PAUSING);
    timer_set(pg, pg->pause_ms);
    pg->pause_ms = pg->pause_ms * 2 < PAUSE_MAX_MS ? pg->pause_ms * 2 : PAUSE_MAX_MS;
    if (!was_ready) { /* unanswered scripts are the attempt's own */
        while (pg->first != NULL)
            unanswered_free(unanswered_take(pg));
        if (hooks->failed != NULL)
            hooks->failed(hooks->context, &err);
        return;
    }
    segments_lose(pg, &err);
    if (!pg->closed && pg->state == STATE_PAUSING && hooks->lost != NULL)
        hooks->lost(hooks->context, &err);
}

/* Not at once: whoever sends must not be called back before the call returns. */
static void connection_break(struct pg *pg)
{
    pg->broken = true;
    event_active(pg->timer, EV_TIMEOUT, 0);
}

static void connection_flush(struct pg *pg)
{
    int flushed = PQflush(pg->conn);

    if (flushed < 0)
        connection_break(pg);
    else if (flushed > 0)
        event_add(pg->writable, NULL);
}

static void setup_over(struct pg *pg)
{
    if (PQenterPipelineMode(pg->conn) == 0) {
        connection_lose(pg, NULL);
        return;
    }
    pg->state = STATE_READY;
    pg->pause_ms = PAUSE_MIN_MS;
    if (pg->hooks.ready != NULL)
        pg->hooks.ready(pg->hooks.context);
}

/* Setup goes on while steps begin steps. */
static void setup_step_over(struct pg *pg)
{
    if (pg->state == STATE_SETTING_UP && pg->first == NULL && !pg->broken)
        setup_over(pg);
}

static void setup_hook(void *context, const struct pg_answer *answer)
{
    struct pg *pg = context;

    (void)answer;
    if (pg->hooks.setup != NULL)
        pg->hooks.setup(pg->hooks.context, pg);
}

static void connection_made(struct pg *pg)
{
    event_del(pg->timer);
    pg->state = STATE_SETTING_UP;
    if (PQsetnonblocking(pg->conn, 1) != 0 || event_add(pg->readable, NULL) != 0) {
        connection_lose(pg, NULL);
        return;
    }
    if (pg->setup_sql != NULL)
        pg_script(pg, pg->setup_sql, setup_hook, pg);
    else
        setup_hook(pg, NULL);
    setup_step_over(pg);
}

/* The socket may be another after each step (several addresses), under the same number: forget it first. */
static void connection_step(struct pg *pg)
{
    PostgresPollingStatusType polled;

    socket_forget(pg);
    polled = PQconnectPoll(pg->conn);
    if (polled == PGRES_POLLING_FAILED || !socket_watch(pg)) {
        connection_lose(pg, NULL);
        return;
    }
    if (polled == PGRES_POLLING_OK)
        connection_made(pg);
    else
        event_add(polled == PGRES_POLLING_READING ? pg->readable : pg->writable, NULL);
}

static void connection_begin(struct pg *pg)
{
    /* What comes later wins, so conninfo (which expands in the place of dbname) may say otherwise. A peer that vanishes
     * without a word is found out within some 25 seconds. */
    static const char *const names[] = { "keepalives_idle",
                                         "keepalives_interval",
                                         "keepalives_count",
                                         "tcp_user_timeout",
                                         "client_encoding",
                                         "dbname",
                                         NULL };
    const char *const values[] = { "10", "5", "3", "25000", "UTF8", pg->conninfo, NULL };

    pg->conn = PQconnectStartParams(names, values, 1);
    if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD || !socket_watch(pg)) {
        connection_lose(pg, NULL);
        return;
    }
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    pg->state = STATE_CONNECTING;
    timer_set(pg, CONNECT_LIMIT_MS);
    event_add(pg->writable, NULL);
}

/* --- Receiving --- */

static void receive_script(struct pg *pg)
{
    while (pg->state == STATE_SETTING_UP && pg->first != NULL && PQisBusy(pg->conn) == 0) {
        PGresult *result = PQgetResult(pg->conn);
        ExecStatusType status = PQresultStatus(result);

        if (result == NULL && pg->first->refusal == NULL) {
            segment_finish(pg);
            setup_step_over(pg);
        } else if (result == NULL) {
            struct pg_answer answer = { 0 };

            answer_refused(pg->first, &answer);
            connection_lose(pg, answer.err.message + strlen("PostgreSQL: "));
        } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
            unanswered_result(pg->first, result);
        } else {
            unanswered_refuse(pg->first, result);
        }
    }
}

static void receive_segments(struct pg *pg)
{
    while (pg->state == STATE_READY && pg->first != NULL && PQisBusy(pg->conn) == 0) {
        PGresult *result = PQgetResult(pg->conn);

        switch ((int)PQresultStatus(result)) { /* of NULL, which ends each statement: PGRES_FATAL_ERROR */
        case PGRES_PIPELINE_SYNC:
            PQclear(result);
            segment_finish(pg);
            break;
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_EMPTY_QUERY: unanswered_result(pg->first, result); break;
        case PGRES_PIPELINE_ABORTED: PQclear(result); break;
        default:
            if (result != NULL) {
                unanswered_refuse(pg->first, result);
            } else if (PQstatus(pg->conn) == CONNECTION_BAD) {
                connection_lose(pg, NULL);
            }
        }
    }
}

static void receive(struct pg *pg)
{
    bool connected = PQconsumeInput(pg->conn) == 1;

    receive_script(pg); /* what had arrived is an answer, even if the connection is gone by now */
    receive_segments(pg);
    if (pg->conn == NULL)
        return;
    if (connected)
        PQisBusy(pg->conn); /* reads notices and parameters that nobody waits for */
    else
        connection_lose(pg, NULL);
}

static void on_socket(evutil_socket_t fd, short what, void *argument)
{
    struct pg *pg = argument;

    (void)fd;
    enter(pg);
    if (pg->state == STATE_CONNECTING)
        connection_step(pg);
    else if ((what & EV_READ) != 0)
        receive(pg);
    else
        connection_flush(pg);
    leave(pg);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct pg *pg = argument;

    (void)fd, (void)what;
    enter(pg);
    if (pg->broken)
        connection_lose(pg, NULL);
    else if (pg->state == STATE_CONNECTING)
        connection_lose(pg, "no connection within 10 s");
    else if (pg->state == STATE_PAUSING)
        connection_begin(pg);
    leave(pg);
}

/* --- The interface --- */

static bool conninfo_check(const char *conninfo, struct error *err)
{
    char *message = NULL, line[ERROR_MESSAGE_SIZE];
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &message);

    if (parsed == NULL) {
        message_copy(line, message != NULL ? message : "no memory");
        PQfreemem(message);
        return error_set(err, ERROR_INPUT, "PostgreSQL: the connection string cannot be read: %s", line);
    }
    PQconninfoFree(parsed);
    return true;
}

struct pg *pg_open(struct event_base *base, const struct pg_options *options, const struct pg_hooks *hooks,
                   struct error *err)
{
    struct pg *pg;

    if (!conninfo_check(options->conninfo, err))
        return NULL;
    pg = calloc(1, sizeof *pg);
    if (pg == NULL)
        goto no_memory;
    pg->base = base;
    pg->hooks = *hooks;
    pg->segments_max = options->segments_max > 0 ? options->segments_max : PG_SEGMENTS_MAX;
    pg->pause_ms = PAUSE_MIN_MS;
    pg->last = &pg->first;
    pg->conninfo = strdup(options->conninfo);
    pg->setup_sql = options->setup_sql != NULL ? strdup(options->setup_sql) : NULL;
    pg->timer = event_new(base, -1, 0, on_timer, pg);
    if (pg->conninfo == NULL || (options->setup_sql != NULL && pg->setup_sql == NULL) || pg->timer == NULL)
        goto no_memory;
    event_active(pg->timer, EV_TIMEOUT, 0); /* the first attempt needs no pause */
    return pg;
no_memory:
    if (pg != NULL)
        pg_free(pg);
    error_set(err, ERROR_INTERNAL, "PostgreSQL: no memory for a connection");
    return NULL;
}

void pg_stop(struct pg *pg)
{
    struct error err;

    error_set(&err, ERROR_UNAVAILABLE, "PostgreSQL: the connection was closed here");
    enter(pg);
    if (pg->state == STATE_SETTING_UP) {
        while (pg->first != NULL)
            unanswered_free(unanswered_take(pg));
    }
    connection_drop(pg, STATE_STOPPED);
    segments_lose(pg, &err);
    leave(pg);
}

void pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    enter(pg);
    pg->closed = true;
    pg_stop(pg);
    leave(pg);
}

size_t pg_room(const struct pg *pg)
{
    return pg->state == STATE_READY && !pg->broken ? pg->segments_max - pg->unanswered_count : 0;
}

static bool statement_send(PGconn *conn, const struct pg_statement *statement)
{
    if (statement->prepared != NULL)
        return PQsendQueryPrepared(conn, statement->prepared, statement->param_count, statement->params, NULL, NULL,
                                   0) == 1;
    return PQsendQueryParams(conn, statement->sql, statement->param_count, NULL, statement->params, NULL, NULL, 0) == 1;
}

bool pg_submit(struct pg *pg, const struct pg_statement *statements, size_t count, pg_done *done, void *context,
               struct error *err)
{
    assert(count > 0);
    if (pg->state != STATE_READY || pg->broken)
        return error_set(err, ERROR_UNAVAILABLE, "PostgreSQL: not connected");
    if (pg->unanswered_count >= pg->segments_max)
        return error_set(err, ERROR_CONFLICT, "PostgreSQL: %zu segments are unanswered, no more are taken",
                         pg->unanswered_count);
    if (unanswered_add(pg, count, done, context) == NULL)
        return error_set(err, ERROR_INTERNAL, "PostgreSQL: no memory for a segment");

    for (size_t i = 0; i < count; i++) {
        if (!statement_send(pg->conn, &statements[i])) {
            connection_break(pg); /* a part of it may be on its way: only a lost connection undoes that */
            return true;
        }
    }
    if (PQpipelineSync(pg->conn) == 0)
        connection_break(pg);
    else
        connection_flush(pg);
    return true;
}

void pg_script(struct pg *pg, const char *sql, pg_done *done, void *context)
{
    assert(pg->state == STATE_SETTING_UP && pg->first == NULL);
    if (unanswered_add(pg, 0, done, context) == NULL || PQsendQuery(pg->conn, sql) == 0)
        connection_break(pg);
    else
        connection_flush(pg);
}
