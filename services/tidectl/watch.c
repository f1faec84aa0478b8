/* watch: an orchestration until it ends. On a terminal a picture, drawn anew; elsewhere a line for each change. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/timestamp.h"
#include "services/tidectl/command.h"

enum {
    PAUSE_FIRST_MS = 200,
    PAUSE_MAX_MS = 1000,
    PATIENCE_MS = 60 * 1000, /* how long a server may be away before we give up: a restart is shorter */
    OPERATIONS_SHOWN_MAX =
        500, /* of larger orchestrations only counts: reading them all would take longer than a pause */
    BAR_SIZE = 40,
    SCREEN_ROWS = 24,
    SCREEN_COLUMNS = 80,
};

struct counts {
    long long total, succeeded, failed, canceled, running, waiting;
};

struct watch {
    struct context *context;
    struct client *client;
    const char *id;
    struct resource orchestration_path, operations_path;
    json_t *orchestration, *operations; /* as last read; operations is NULL where they are too many */
    json_t *shown;                      /* what the last lines said, by operation ID; "" for the orchestration */
    struct counts counts;
    int64_t began_ms, pause_ms, away_since_ms; /* away: 0 while the server answers */
    int drawn_lines;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* A second Ctrl-C ends the process at once, should a request hang. */
static void catch_interrupt(void)
{
    const struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL);
}

static bool has_ended(const struct watch *watch)
{
    const char *state = member(watch->orchestration, "state");

    return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "canceled") == 0;
}

/* --- Reading --- */

static long long stat_of(const json_t *stats, const char *state)
{
    return (long long)json_integer_value(json_object_get(stats, state));
}

static struct counts count(const json_t *orchestration)
{
    const json_t *stats = json_object_get(orchestration, "operationStats");
    struct counts counts = {
        .succeeded = stat_of(stats, "succeeded"),
        .failed = stat_of(stats, "failed"),
        .canceled = stat_of(stats, "canceled"),
        .running = stat_of(stats, "in progress"),
        .waiting = stat_of(stats, "pending") + stat_of(stats, "retrying"),
    };

    counts.total = counts.succeeded + counts.failed + counts.canceled + counts.running + counts.waiting;
    return counts;
}

static bool read_all(struct watch *watch, struct error *err)
{
    json_t *orchestration = client_get(watch->client, watch->orchestration_path.text, err), *operations = NULL;
    struct counts counts;

    if (orchestration == NULL)
        return false;
    counts = count(orchestration);
    if (!watch->context->json && counts.total > 0 && counts.total <= OPERATIONS_SHOWN_MAX) {
        operations = client_list(watch->client, watch->operations_path.text, err);
        if (operations == NULL) {
            json_decref(orchestration);
            return false;
        }
    }
    json_decref(watch->orchestration);
    json_decref(watch->operations);
    watch->orchestration = orchestration;
    watch->operations = operations;
    watch->counts = counts;
    return true;
}

/* --- Lines, where nobody looks at a screen --- */

/* Whether this was not said before; remembers it. */
static bool is_new(struct watch *watch, const char *id, const char *text)
{
    if (strcmp(member(watch->shown, id), text) == 0)
        return false;
    json_object_set_new(watch->shown, id, json_string(text));
    return true;
}

static void say(const char *subject, const char *text)
{
    char now[TIMESTAMP_SIZE];

    timestamp_format(clock_now_ms() / 1000 * 1000, now);
    printf("%s %s ", now, subject);
    text_print(text, stdout);
    putchar('\n');
}

static void summary(const struct watch *watch, char *out, size_t size)
{
    const struct counts *counts = &watch->counts;

    snprintf(out, size, "%lld of %lld done: %lld succeeded, %lld failed, %lld canceled; %lld in progress, %lld pending",
             counts->succeeded + counts->failed + counts->canceled, counts->total, counts->succeeded, counts->failed,
             counts->canceled, counts->running, counts->waiting);
}

static void print_changes(struct watch *watch)
{
    const json_t *operation;
    char text[1024], counted[256];
    size_t i;

    json_array_foreach(watch->operations, i, operation) {
        snprintf(text, sizeof text, "%s: %s", member(operation, "state"), member(operation, "description"));
        if (is_new(watch, member(operation, "operationID"), text))
            say(member(operation, "shootName"), text);
    }
    summary(watch, counted, sizeof counted);
    snprintf(text, sizeof text, "%s: %s (%s)", member(watch->orchestration, "state"),
             member(watch->orchestration, "description"), counted);
    if (is_new(watch, "", text))
        say("orchestration", text);
    fflush(stdout);
}

/* --- A picture, on a terminal --- */

static void print_bar(const struct watch *watch, bool colour)
{
    const struct counts *counts = &watch->counts;
    const long long total = counts->total > 0 ? counts->total : 1;
    const long long good = counts->succeeded * BAR_SIZE / total;
    const long long done = (counts->succeeded + counts->failed + counts->canceled) * BAR_SIZE / total;

    for (long long i = 0; i < BAR_SIZE; i++) {
        if (colour && (i == 0 || i == good || i == done))
            fputs(i < good ? "\033[32m" : i < done ? "\033[31m" : "\033[90m", stdout);
        fputs(i < done ? "\xe2\x96\x88" : "\xe2\x96\x91", stdout); /* █ ░ */
    }
    if (colour)
        fputs(COLOUR_END, stdout);
}

static void print_head(const struct watch *watch)
{
    const struct counts *counts = &watch->counts;
    const bool colour = watch->context->colour;
    const char *state = member(watch->orchestration, "state");
    const int64_t seconds = (clock_now_ms() - watch->began_ms) / 1000;

    printf("Orchestration %s  %s%s%s  ", watch->id, colour ? state_colour(state) : "", state, colour ? COLOUR_END : "");
    text_print(member(watch->orchestration, "description"), stdout);
    fputs("\033[K\n", stdout);
    print_bar(watch, colour);
    printf(" %lld/%lld  %lld running  %lld failed  %02lld:%02lld",
           counts->succeeded + counts->failed + counts->canceled, counts->total, counts->running, counts->failed,
           (long long)(seconds / 60), (long long)(seconds % 60));
    if (watch->away_since_ms != 0)
        fputs("  (the server does not answer, trying again)", stdout);
    fputs("\033[K\n", stdout);
}

/* What moves comes first, then what went wrong. */
static int rank(const json_t *operation)
{
    static const char *const order[] = { "in progress", "failed", "retrying", "pending", "canceled", "succeeded" };
    int place = 0;

    while (place < (int)(sizeof order / sizeof order[0]) && strcmp(member(operation, "state"), order[place]) != 0)
        place++;
    return place;
}

/* The operations as a table of at most `rows` rows. Own. */
static struct table *pick(const struct watch *watch, size_t rows, int rank_max)
{
    static const char *const heads[] = { "SHOOT", "PLAN", "STATE", "DESCRIPTION", NULL };
    struct table *table = table_new(heads);
    const json_t *operation;
    size_t i;

    for (int place = 0; place <= rank_max; place++) {
        json_array_foreach(watch->operations, i, operation) {
            if (rank(operation) == place && table_count(table) < rows)
                table_add(table,
                          (const char *const[]){ member(operation, "shootName"), member(operation, "servicePlanName"),
                                                 member(operation, "state"), member(operation, "description") });
        }
    }
    return table;
}

/* Back to the first line of the picture, and away with it. */
static void erase(struct watch *watch)
{
    if (watch->drawn_lines > 0)
        printf("\033[%dA", watch->drawn_lines);
    fputs("\r\033[J", stdout);
    watch->drawn_lines = 0;
}

static void draw(struct watch *watch)
{
    struct winsize size = { .ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLUMNS };
    struct table *table;

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (size.ws_row < 8 || size.ws_col < SCREEN_COLUMNS) {
        size.ws_row = size.ws_row < 8 ? 8 : size.ws_row;
        size.ws_col = size.ws_col < 20 ? SCREEN_COLUMNS : size.ws_col;
    }
    table = pick(watch, (size_t)size.ws_row - 6, 6);
    erase(watch);
    fputs("\033[?7l", stdout); /* no wrapping: a longer line would spoil the count of lines */
    print_head(watch);
    table_print(table, (struct table_look){ .indent = 2, .width = size.ws_col, .colour = watch->context->colour },
                stdout);
    fputs("\033[?7h", stdout);
    watch->drawn_lines = 3 + (int)table_count(table);
    fflush(stdout);
    table_free(table);
}

/* --- Together --- */

static void show(struct watch *watch)
{
    if (watch->context->json)
        return;
    if (watch->context->terminal)
        draw(watch);
    else
        print_changes(watch);
}

/* The last picture stays, with what needs attention in place of what moved. */
static void show_end(struct watch *watch)
{
    struct table *table;

    if (watch->context->json) {
        print_json(watch->orchestration);
        return;
    }
    if (!watch->context->terminal)
        return; /* the last line said it */
    table = pick(watch, OPERATIONS_SHOWN_MAX, 1);
    erase(watch);
    print_head(watch);
    if (table_count(table) > 0)
        print_table(watch->context, table);
    table_free(table);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_between(struct watch *watch)
{
    const struct timespec pause = { .tv_sec = watch->pause_ms / 1000, .tv_nsec = watch->pause_ms % 1000 * 1000000 };

    nanosleep(&pause, NULL); /* Ctrl-C ends it */
    watch->pause_ms = watch->pause_ms * 5 / 4;
    if (watch->pause_ms > PAUSE_MAX_MS)
        watch->pause_ms = PAUSE_MAX_MS;
}

/* Whether to try again after a failed request. */
static bool is_patient(struct watch *watch, const struct error *err)
{
    if (err->code != ERROR_UNAVAILABLE || watch->orchestration == NULL)
        return false;
    if (watch->away_since_ms == 0)
        watch->away_since_ms = monotonic_ms();
    return monotonic_ms() - watch->away_since_ms < PATIENCE_MS;
}

static int stopped(const struct watch *watch)
{
    fprintf(stderr, "\nStopped watching; the orchestration goes on. To stop it:\n  tidectl cancel %s\n", watch->id);
    return EXIT_INTERRUPTED;
}

static int watch_until_end(struct watch *watch)
{
    for (;;) {
        struct error err = { .code = ERROR_NONE };

        if (interrupted)
            return stopped(watch);
        if (read_all(watch, &err))
            watch->away_since_ms = 0;
        else if (!is_patient(watch, &err))
            return interrupted ? stopped(watch) : failed(&err);
        show(watch);
        if (watch->away_since_ms == 0 && has_ended(watch)) {
            show_end(watch);
            return strcmp(member(watch->orchestration, "state"), "succeeded") == 0 ? EXIT_DONE : EXIT_FAILED;
        }
        pause_between(watch);
    }
}

int orchestration_watch(struct context *context, struct client *client, const char *id)
{
    struct watch watch = { .context = context,
                           .client = client,
                           .id = id,
                           .shown = json_object(),
                           .began_ms = clock_now_ms(),
                           .pause_ms = PAUSE_FIRST_MS };
    int exit_code;

    resource_literal(&watch.orchestration_path, "/orchestrations");
    resource_segment(&watch.orchestration_path, id);
    watch.operations_path = watch.orchestration_path;
    resource_literal(&watch.operations_path, "/operations");
    if (watch.operations_path.overflown)
        return usage_error(context, "the ID is too long");
    catch_interrupt();
    exit_code = watch_until_end(&watch);
    json_decref(watch.orchestration);
    json_decref(watch.operations);
    json_decref(watch.shown);
    return exit_code;
}
