#include "services/provisioner/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/observe/log.h"

enum { READ_SIZE = 256 * 1024 }; /* a line is far shorter */

struct ledger {
    char *path;
    int fd;
    off_t known; /* end of the last complete line that was read or written */
    ledger_line *line;
    void *context;
    char *buffer;
};

static bool failed(const struct ledger *ledger, const char *what, struct error *err)
{
    error_set(err, ERROR_UNAVAILABLE, "ledger %s: cannot %s: %s", ledger->path, what, strerror(errno));
    return false;
}

/* --- Life cycle --- */

static void make_folder(const char *path)
{
    char *copied = strdup(path);

    if (copied == NULL)
        abort();
    mkdir(dirname(copied), 0777); /* if this fails, opening says why */
    free(copied);
}

struct ledger *ledger_open(const char *path, ledger_line *line, void *context, struct error *err)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (ledger == NULL || (ledger->path = strdup(path)) == NULL || (ledger->buffer = malloc(READ_SIZE)) == NULL)
        abort();
    ledger->line = line;
    ledger->context = context;
    make_folder(path);
    ledger->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (ledger->fd < 0) {
        failed(ledger, "open it", err);
        ledger_close(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->fd >= 0)
        close(ledger->fd);
    free(ledger->buffer);
    free(ledger->path);
    free(ledger);
}

/* --- Reading --- */

static void take_line(const struct ledger *ledger, const char *text, size_t size, off_t at)
{
    json_t *line = json_loadb(text, size, 0, NULL);

    if (json_is_object(line))
        ledger->line(ledger->context, line);
    else
        log_warning("ledger_line_skipped", LOG_TEXT("path", ledger->path), LOG_INT("offset", at));
    json_decref(line);
}

/* Takes the complete lines of the buffer; says how many bytes they were. */
static size_t take_lines(struct ledger *ledger, size_t size)
{
    size_t taken = 0;

    for (const char *end; (end = memchr(ledger->buffer + taken, '\n', size - taken)) != NULL;) {
        size_t length = (size_t)(end - (ledger->buffer + taken));

        take_line(ledger, ledger->buffer + taken, length, ledger->known);
        taken += length + 1;
        ledger->known += (off_t)length + 1;
    }
    return taken;
}

static bool file_size(const struct ledger *ledger, off_t *size, struct error *err)
{
    struct stat file;

    if (fstat(ledger->fd, &file) != 0)
        return failed(ledger, "look at it", err);
    if (file.st_size < ledger->known) {
        error_set(err, ERROR_UNAVAILABLE, "ledger %s: was cut to %lld bytes of %lld; it may only grow", ledger->path,
                  (long long)file.st_size, (long long)ledger->known);
        return false;
    }
    *size = file.st_size;
    return true;
}

bool ledger_read(struct ledger *ledger, struct error *err)
{
    off_t size;

    if (!file_size(ledger, &size, err))
        return false;
    while (ledger->known < size) {
        ssize_t got = pread(ledger->fd, ledger->buffer, READ_SIZE, ledger->known);

        if (got < 0 && errno != EINTR)
            return failed(ledger, "read it", err);
        if (got == 0)
            break;
        if (got > 0 && take_lines(ledger, (size_t)got) == 0) {
            if (got == READ_SIZE)
                return error_set(err, ERROR_INPUT, "ledger %s: the line at byte %lld has more than %d bytes",
                                 ledger->path, (long long)ledger->known, READ_SIZE);
            break; /* a line that is not complete yet */
        }
    }
    return true;
}

/* --- Writing --- */

enum ledger_locked ledger_lock(struct ledger *ledger, struct error *err)
{
    off_t size;

    while (flock(ledger->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return LEDGER_BUSY;
        if (errno != EINTR) {
            failed(ledger, "lock it", err);
            return LEDGER_BROKEN;
        }
    }
    /* What is left behind the last complete line, nobody is writing any more: its writer crashed. */
    if (ledger_read(ledger, err) && file_size(ledger, &size, err)) {
        if (size == ledger->known || ftruncate(ledger->fd, ledger->known) == 0)
            return LEDGER_LOCKED;
        failed(ledger, "cut off its torn line", err);
    }
    ledger_unlock(ledger);
    return LEDGER_BROKEN;
}

void ledger_unlock(struct ledger *ledger)
{
    flock(ledger->fd, LOCK_UN);
}

bool ledger_append(struct ledger *ledger, json_t *line, struct error *err)
{
    char *text = json_dumps(line, JSON_COMPACT);
    size_t size = text == NULL ? 0 : strlen(text);
    ssize_t written;

    json_decref(line);
    if (text == NULL)
        abort();
    text[size++] = '\n'; /* where the closing NUL was */
    do {
        written = write(ledger->fd, text, size);
    } while (written < 0 && errno == EINTR);
    free(text);
    if (written == (ssize_t)size) {
        ledger->known += (off_t)size;
        return true;
    }
    if (written >= 0)
        errno = ENOSPC;
    failed(ledger, "write a line", err);
    return false; /* whatever came of the line is cut off by the next lock */
}
