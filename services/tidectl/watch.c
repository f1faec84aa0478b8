/* watch: an orchestration until it ends, by its events. On a terminal a picture, drawn anew; elsewhere a line for each
 * change. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/timestamp.h"
#include "services/tidectl/command.h"
#include "services/tidectl/progress.h"
#include "services/tidectl/sse.h"

enum {
    PAUSE_FIRST_MS = 200, /* before connecting again */
    PAUSE_MAX_MS = 1000,
    DRAW_MS = 100,              /* between two pictures */
    PATIENCE_MS = 60 * 1000,    /* how long a server may be away before we give up: a restart is shorter */
    SETTLE_MS = 500,            /* until the end that an event told shows in the answer to a request */
    OPERATIONS_SHOWN_MAX = 500, /* of larger orchestrations only counts are told, line by line */
    BAR_SIZE = 40,
    SCREEN_ROWS = 24,
    SCREEN_COLUMNS = 80,
};

struct watch {
    struct context *context;
    struct client *client;
    const char *id;
    struct resource orchestration_path, events_path;
    struct sse sse;
    struct progress *progress;
    json_t *orchestration; /* as last read: at the end */
    char said[1024];       /* of the orchestration, with the last line */
    char event_time[SHORT_TIME_SIZE];
    int64_t began_ms, drawn_ms, asked_ms, pause_ms, away_since_ms; /* away: 0 while the server answers */
    bool has_connected, is_drawn;                                  /* the picture is up to date */
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

/* --- Lines, where nobody looks at a screen --- */

static void say(const struct watch *watch, const char *subject, const char *text)
{
    printf("%s ", watch->event_time);
    text_print(subject, stdout);
    putchar(' ');
    text_print(text, stdout);
    putchar('\n');
}

/* By a hook of progress_take. */
static void say_operation(void *context, const struct progress_operation *operation)
{
    const struct watch *watch = context;
    char text[1024];

    if (watch->context->json || watch->context->terminal || progress_total(watch->progress) > OPERATIONS_SHOWN_MAX)
        return;
    snprintf(text, sizeof text, "%s: %s", progress_state_names[operation->state], operation->description);
    say(watch, operation->shoot, text);
}

static size_t count_of(const struct watch *watch, enum progress_state state)
{
    return progress_count(watch->progress, state);
}

static size_t count_done(const struct watch *watch)
{
    return count_of(watch, PROGRESS_SUCCEEDED) + count_of(watch, PROGRESS_FAILED) + count_of(watch, PROGRESS_CANCELED);
}

static void summary(const struct watch *watch, char *out, size_t size)
{
    snprintf(out, size, "%zu of %zu done: %zu succeeded, %zu failed, %zu canceled; %zu in progress, %zu pending",
             count_done(watch), progress_total(watch->progress), count_of(watch, PROGRESS_SUCCEEDED),
             count_of(watch, PROGRESS_FAILED), count_of(watch, PROGRESS_CANCELED), count_of(watch, PROGRESS_RUNNING),
             count_of(watch, PROGRESS_PENDING) + count_of(watch, PROGRESS_RETRYING));
}

static void say_orchestration(struct watch *watch)
{
    char text[sizeof watch->said], counted[256];

    if (watch->event_time[0] == '\0')
        return; /* nothing is known before the first event */
    summary(watch, counted, sizeof counted);
    snprintf(text, sizeof text, "%s: %s (%s)", progress_state(watch->progress), progress_description(watch->progress),
             counted);
    if (strcmp(text, watch->said) == 0)
        return;
    memcpy(watch->said, text, sizeof text);
    say(watch, "orchestration", text);
    fflush(stdout);
}

/* --- A picture, on a terminal --- */

static void print_bar(const struct watch *watch, bool colour)
{
    const size_t total = progress_total(watch->progress) > 0 ? progress_total(watch->progress) : 1;
    const size_t good = count_of(watch, PROGRESS_SUCCEEDED) * BAR_SIZE / total;
    const size_t done = count_done(watch) * BAR_SIZE / total;

    for (size_t i = 0; i < BAR_SIZE; i++) {
        if (colour && (i == 0 || i == good || i == done))
            fputs(i < good ? "\033[32m" : i < done ? "\033[31m" : "\033[90m", stdout);
        fputs(i < done ? "\xe2\x96\x88" : "\xe2\x96\x91", stdout); /* █ ░ */
    }
    if (colour)
        fputs(COLOUR_END, stdout);
}

static void print_head(const struct watch *watch)
{
    const bool colour = watch->context->colour;
    const char *state = progress_state(watch->progress);
    const int64_t seconds = (clock_now_ms() - watch->began_ms) / 1000;

    printf("Orchestration %s  %s%s%s  ", watch->id, colour ? state_colour(state) : "", state, colour ? COLOUR_END : "");
    text_print(progress_description(watch->progress), stdout);
    fputs("\033[K\n", stdout);
    print_bar(watch, colour);
    printf(" %zu/%zu  %zu running  %zu failed  %02lld:%02lld", count_done(watch), progress_total(watch->progress),
           count_of(watch, PROGRESS_RUNNING), count_of(watch, PROGRESS_FAILED), (long long)(seconds / 60),
           (long long)(seconds % 60));
    if (watch->away_since_ms != 0)
        fputs("  (the server does not answer, trying again)", stdout);
    fputs("\033[K\n", stdout);
}

/* The operations as a table of at most `rows` rows: what moves comes first, then what went wrong, up to `last`. Own. */
static struct table *pick(const struct watch *watch, size_t rows, enum progress_state last)
{
    static const char *const heads[] = { "SHOOT", "PLAN", "STATE", "DESCRIPTION", NULL };
    const size_t total = progress_total(watch->progress);
    struct table *table = table_new(heads);

    for (int state = 0; state <= (int)last && table_count(table) < rows; state++) {
        if (count_of(watch, (enum progress_state)state) == 0)
            continue;
        for (size_t i = 0; i < total && table_count(table) < rows; i++) {
            const struct progress_operation operation = progress_operation(watch->progress, i);

            if ((int)operation.state == state)
                table_add(table, (const char *const[]){ operation.shoot, operation.plan, progress_state_names[state],
                                                        operation.description });
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
    table = pick(watch, (size_t)size.ws_row - 6, PROGRESS_SUCCEEDED);
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
    if (watch->context->json || watch->is_drawn)
        return;
    watch->is_drawn = true;
    watch->drawn_ms = clock_now_ms();
    if (watch->context->terminal)
        draw(watch);
    else
        say_orchestration(watch);
}

/* The last picture stays, with what needs attention in place of what moved. */
static void show_end(struct watch *watch)
{
    struct table *table;

    if (watch->context->json) {
        print_json(watch->orchestration);
        return;
    }
    if (!watch->context->terminal) {
        say_orchestration(watch);
        return;
    }
    table = pick(watch, OPERATIONS_SHOWN_MAX, PROGRESS_FAILED);
    erase(watch);
    print_head(watch);
    if (table_count(table) > 0)
        print_table(watch->context, table);
    table_free(table);
}

/* --- What the stream brings --- */

/* Heartbeats count: an orchestration may wait for days, for its maintenance windows. */
static void on_heard(void *context)
{
    struct watch *watch = context;

    watch->has_connected = true;
    watch->is_drawn = watch->is_drawn && watch->away_since_ms == 0;
    watch->away_since_ms = 0;
    watch->pause_ms = PAUSE_FIRST_MS;
}

/* False, which ends the connection, where the orchestration has ended. */
static bool on_message(void *context, const char *type, const char *text)
{
    struct watch *watch = context;
    json_t *event = json_loads(text, 0, NULL);

    (void)type;
    short_time(member(event, "time"), watch->event_time);
    progress_take(watch->progress, event, say_operation, watch);
    json_decref(event);
    watch->is_drawn = false;
    if (clock_now_ms() - watch->drawn_ms >= DRAW_MS)
        show(watch);
    return !interrupted && !progress_has_ended(watch->progress);
}

static bool on_idle(void *context)
{
    struct watch *watch = context;

    if (watch->context->terminal && clock_now_ms() - watch->drawn_ms >= 1000)
        watch->is_drawn = false; /* the time goes on */
    if (clock_now_ms() - watch->drawn_ms >= DRAW_MS)
        show(watch);
    /* An end that the server did not confirm is asked for again. */
    return !interrupted && !(progress_has_ended(watch->progress) && clock_now_ms() - watch->asked_ms >= 1000);
}

static void pause_for(int64_t ms)
{
    const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL); /* Ctrl-C ends it */
}

/* Whether to connect again after a failure. */
static bool is_patient(struct watch *watch, const struct error *err)
{
    if (err->code != ERROR_UNAVAILABLE || !watch->has_connected)
        return false;
    if (watch->away_since_ms == 0)
        watch->away_since_ms = clock_now_ms();
    watch->is_drawn = false;
    show(watch);
    pause_for(watch->pause_ms);
    watch->pause_ms = watch->pause_ms * 5 / 4 < PAUSE_MAX_MS ? watch->pause_ms * 5 / 4 : PAUSE_MAX_MS;
    return clock_now_ms() - watch->away_since_ms < PATIENCE_MS;
}

/* Whether the server says so too. A retry may have gone on with it since the event that told its end: then more events
 * follow, for which nobody should wait long. A request that fails is not the end of it. */
static bool is_over(struct watch *watch)
{
    const int64_t until_ms = clock_now_ms() + SETTLE_MS;

    while (!interrupted && progress_has_ended(watch->progress)) {
        json_decref(watch->orchestration);
        watch->orchestration = client_get(watch->client, watch->orchestration_path.text, NULL);
        if (strcmp(member(watch->orchestration, "state"), progress_state(watch->progress)) == 0)
            return true;
        watch->asked_ms = clock_now_ms();
        if (watch->asked_ms >= until_ms)
            return false;
        pause_for(PAUSE_FIRST_MS / 4);
    }
    return false;
}

static int stopped(const struct watch *watch)
{
    fprintf(stderr, "\nStopped watching; the orchestration goes on. To stop it:\n  tidectl cancel %s\n", watch->id);
    return EXIT_INTERRUPTED;
}

static int lost(const struct watch *watch, const struct error *err)
{
    const int exit_code = failed(err);

    if (watch->has_connected && err->code == ERROR_DENIED)
        fprintf(stderr,
                "Stopped watching; the orchestration goes on. With a new token in TIDEGATE_TOKEN:\n"
                "  tidectl orchestration %s --watch\n",
                watch->id);
    return exit_code;
}

static int watch_until_end(struct watch *watch)
{
    const struct client_stream stream = { .path = watch->events_path.text,
                                          .sse = &watch->sse,
                                          .heard = on_heard,
                                          .message = on_message,
                                          .idle = on_idle,
                                          .context = watch };

    for (;;) {
        struct error err = { .code = ERROR_NONE };
        const bool has_ended = client_stream(watch->client, &stream, &err);

        if (interrupted)
            return stopped(watch);
        if (is_over(watch)) {
            show_end(watch);
            return strcmp(progress_state(watch->progress), "succeeded") == 0 ? EXIT_DONE : EXIT_FAILED;
        }
        if (interrupted)
            return stopped(watch);
        if (has_ended)
            pause_for(PAUSE_FIRST_MS); /* a server that ends each stream at once is not asked without a break */
        else if (!is_patient(watch, &err))
            return interrupted ? stopped(watch) : lost(watch, &err);
    }
}

int orchestration_watch(struct context *context, struct client *client, const char *id)
{
    struct watch watch = { .context = context,
                           .client = client,
                           .id = id,
                           .progress = progress_new(),
                           .began_ms = clock_now_ms(),
                           .pause_ms = PAUSE_FIRST_MS };
    int exit_code = EXIT_USAGE;

    resource_literal(&watch.orchestration_path, "/orchestrations");
    resource_segment(&watch.orchestration_path, id);
    watch.events_path = watch.orchestration_path;
    resource_literal(&watch.events_path, "/events");
    if (watch.events_path.overflown) {
        usage_error(context, "the ID is too long");
    } else {
        catch_interrupt();
        exit_code = watch_until_end(&watch);
    }
    json_decref(watch.orchestration);
    progress_free(watch.progress);
    sse_release(&watch.sse);
    return exit_code;
}
