/* command.h - what all subcommands of tidectl share: options, exit codes, printing. */
#ifndef TIDEGATE_TIDECTL_COMMAND_H
#define TIDEGATE_TIDECTL_COMMAND_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/error.h"
#include "services/tidectl/client.h"
#include "services/tidectl/table.h"

struct settings;
struct context;

enum exit_code { /* documented in --help; scripts depend on them */
                 EXIT_DONE = 0,
                 EXIT_FAILED = 1, /* refused by the server, or what was waited for failed */
                 EXIT_USAGE = 2,
                 EXIT_NOT_FOUND = 3,
                 EXIT_DENIED = 4,
                 EXIT_UNAVAILABLE = 5,
                 EXIT_INTERRUPTED = 130, /* 128 + SIGINT, as shells have it */
};

struct command {
    const char *name;
    const char *arguments; /* "ID [--watch]" */
    const char *help;
    int (*run)(struct context *context, int argc, char **argv); /* argv[0] is the command's name */
};

struct context {
    const struct command *command;
    const struct settings *settings;
    const char *url; /* --url; NULL: from the settings */
    bool json;       /* -o json */
    bool terminal;   /* standard output is one */
    bool colour;
    int exit_code; /* set by options_next when it gives OPTIONS_STOP */
};

int command_token(struct context *context, int argc, char **argv);
int command_import(struct context *context, int argc, char **argv);
int command_upgrade(struct context *context, int argc, char **argv);
int command_orchestrations(struct context *context, int argc, char **argv);
int command_orchestration(struct context *context, int argc, char **argv);
int command_operations(struct context *context, int argc, char **argv);
int command_retry(struct context *context, int argc, char **argv);
int command_releases(struct context *context, int argc, char **argv);
int command_cancel(struct context *context, int argc, char **argv);
int command_runtimes(struct context *context, int argc, char **argv);
int command_runtime(struct context *context, int argc, char **argv);
int command_operation(struct context *context, int argc, char **argv);
int command_seal(struct context *context, int argc, char **argv);

enum { OPTIONS_END = -1, OPTIONS_STOP = -2 };

/* getopt_long over the command's own long options (closed by a zero row, values above 255) and the global ones, which
 * it handles. Gives an own option's value, OPTIONS_END, or OPTIONS_STOP: leave with context->exit_code. No value is empty:
 * that is wrong use.
 * `argv` may name options and arguments in any order; after the end the arguments start at `optind`. */
int options_next(struct context *context, int argc, char **argv, const struct option *own);

/* The single argument after the options. NULL: it is missing or not alone, usage was printed, leave with EXIT_USAGE. */
const char *argument_single(const struct context *context, int argc, char **argv, const char *name);

/* Prints "tidectl: ..." and how to get help; EXIT_USAGE. */
int usage_error(const struct context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the error; the exit code for it. */
int failed(const struct error *err);
int exit_code_of(enum error_code code);

/* A client for the server of the settings, with a token if there is one. Own: client_free. */
struct client *client_open(const struct context *context, struct error *err);

/* Gets `path` and prints what comes: as JSON where that is asked for, else by `show`. The exit code. */
int get_and_show(const struct context *context, struct client *client, const char *path,
                 void (*show)(const struct context *context, json_t *object));

void print_json(const json_t *json);
void print_table(const struct context *context, const struct table *table);

/* "name          value", without control characters; `colour` as of state_colour. Nothing for an empty value. */
void print_line(const char *name, const char *value, const char *colour);

/* Text of a member; "" where it is absent or no text. Borrowed as long as the object. */
const char *member(const json_t *object, const char *name);

/* "2022-02-01 09:15:04Z" for an RFC 3339 time; "" for the contract's "no time", 0001-01-01T00:00:00Z. */
enum { SHORT_TIME_SIZE = 32 };
void short_time(const char *rfc3339, char out[SHORT_TIME_SIZE]);

/* The server's word for a state: "inprogress" becomes "in progress", as spaces are tiresome in a shell. */
const char *state_word(const char *state);

/* Signs a development token with the keys of the run folder, which are made if `make`. Own: free(). NULL: `err`. */
char *development_token(const struct settings *settings, const char *const *groups, size_t group_count, bool make,
                        struct error *err);

/* Shows the orchestration until it ends. 0 only if it succeeded. */
int orchestration_watch(struct context *context, struct client *client, const char *id);

#endif
