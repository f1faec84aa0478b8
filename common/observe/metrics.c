#include "common/observe/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* From a row written into Kafka (100 us) to a request that waits for a whole upgrade stage. */
static const double bucket_bounds[] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60 };
enum { BUCKET_COUNT = sizeof bucket_bounds / sizeof bucket_bounds[0] };

struct histogram {
    double sum;
    uint64_t count, buckets[BUCKET_COUNT];
};

struct metric {
    enum metric_type type;
    char *name, *help, *labels;
    char *series; /* the key: name{labels} */
    double value;
    struct histogram *histogram; /* NULL unless it is one */
    UT_hash_handle hh;
};

/* The registry is the process's: whatever counts must not need it handed down through every call. */
static struct metric *registry;

static char *copied(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        abort();
    return copy;
}

/* Two types under one name would make the text unreadable for whoever scrapes it. */
static bool name_has_type(const char *name, enum metric_type type)
{
    for (const struct metric *metric = registry; metric != NULL; metric = metric->hh.next) {
        if (strcmp(metric->name, name) == 0)
            return metric->type == type;
    }
    return true;
}

static struct metric *metric_make(enum metric_type type, const char *name, const char *help, const char *labels,
                                  const char *series)
{
    struct metric *metric = calloc(1, sizeof *metric);

    assert(HASH_COUNT(registry) < METRICS_SERIES_MAX); /* labels must have few values: no IDs */
    assert(name_has_type(name, type));
    if (metric == NULL)
        abort(); /* made at the start: without memory there is no start */
    metric->type = type;
    metric->name = copied(name);
    metric->help = copied(help);
    metric->labels = copied(labels);
    metric->series = copied(series);
    if (type == METRIC_HISTOGRAM) {
        metric->histogram = calloc(1, sizeof *metric->histogram);
        if (metric->histogram == NULL)
            abort();
    }
    HASH_ADD_KEYPTR(hh, registry, metric->series, strlen(metric->series), metric);
    return metric;
}

static struct metric *metric_find(enum metric_type type, const char *name, const char *help, const char *labels)
{
    struct metric *metric;
    char *series;

    if (labels == NULL)
        labels = "";
    if (asprintf(&series, "%s{%s}", name, labels) < 0)
        abort();
    HASH_FIND_STR(registry, series, metric);
    if (metric == NULL)
        metric = metric_make(type, name, help, labels, series);
    free(series);
    assert(metric->type == type);
    return metric;
}

struct metric *metrics_counter(const char *name, const char *help, const char *labels)
{
    return metric_find(METRIC_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(const char *name, const char *help, const char *labels)
{
    return metric_find(METRIC_GAUGE, name, help, labels);
}

struct metric *metrics_histogram(const char *name, const char *help, const char *labels)
{
    return metric_find(METRIC_HISTOGRAM, name, help, labels);
}

void metric_add(struct metric *metric, double value)
{
    assert(metric->type == METRIC_GAUGE || (metric->type == METRIC_COUNTER && value >= 0));
    metric->value += value;
}

void metric_set(struct metric *metric, double value)
{
    assert(metric->type == METRIC_GAUGE);
    metric->value = value;
}

void metric_observe(struct metric *metric, double seconds)
{
    struct histogram *histogram = metric->histogram;

    assert(histogram != NULL);
    histogram->sum += seconds;
    histogram->count++;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        if (seconds <= bucket_bounds[i]) {
            histogram->buckets[i]++; /* cumulated when written */
            break;
        }
    }
}

double metric_value(const struct metric *metric)
{
    return metric->histogram != NULL ? (double)metric->histogram->count : metric->value;
}

void metric_label(char *out, size_t size, const char *name, const char *value)
{
    size_t length;

    assert(size > strlen(name) + sizeof "=\"\"");
    length = (size_t)snprintf(out, size, "%s=\"", name);
    for (; *value != '\0' && length + 4 <= size; value++) { /* room for two, the quote, and the NUL */
        if (*value == '"' || *value == '\\' || *value == '\n')
            out[length++] = '\\';
        out[length++] = *value == '\n' ? 'n' : *value;
    }
    out[length++] = '"';
    out[length] = '\0';
}

/* --- Text --- */

static void write_number(FILE *out, double value)
{
    if (isnan(value))
        fputs("NaN", out);
    else if (isinf(value))
        fputs(value > 0 ? "+Inf" : "-Inf", out);
    else if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value)
        fprintf(out, "%.0f", value);
    else
        fprintf(out, "%.17g", value);
}

static void write_sample(FILE *out, const char *name, const char *suffix, const char *labels, double value)
{
    fprintf(out, "%s%s", name, suffix);
    if (*labels != '\0')
        fprintf(out, "{%s}", labels);
    fputc(' ', out);
    write_number(out, value);
    fputc('\n', out);
}

static void write_histogram(FILE *out, const struct metric *metric)
{
    const struct histogram *histogram = metric->histogram;
    const char *comma = *metric->labels != '\0' ? "," : "";
    uint64_t below = 0;

    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        below += histogram->buckets[i];
        fprintf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", metric->name, metric->labels, comma, bucket_bounds[i],
                (unsigned long long)below);
    }
    fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", metric->name, metric->labels, comma,
            (unsigned long long)histogram->count);
    write_sample(out, metric->name, "_sum", metric->labels, histogram->sum);
    write_sample(out, metric->name, "_count", metric->labels, (double)histogram->count);
}

static void write_head(FILE *out, const char *name, const char *help, enum metric_type type)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };

    fprintf(out, "# HELP %s ", name);
    for (; *help != '\0'; help++) {
        if (*help == '\n')
            fputs("\\n", out);
        else if (*help == '\\')
            fputs("\\\\", out);
        else
            fputc(*help, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", name, types[type]);
}

static int by_name(const struct metric *a, const struct metric *b)
{
    const int order = strcmp(a->name, b->name);

    return order != 0 ? order : strcmp(a->labels, b->labels);
}

static double clock_seconds(clockid_t id)
{
    struct timespec time = { 0 };

    clock_gettime(id, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -1; /* the one that is listed because we look */

    if (folder == NULL)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.')
            count++;
    }
    closedir(folder);
    return count;
}

/* When the kernel started the process: field 22 of proc(5)'s stat, in ticks since boot. */
static double start_seconds(void)
{
    FILE *file = fopen("/proc/self/stat", "re");
    char text[1024];
    const char *at = NULL;
    unsigned long long ticks = 0;
    size_t size;

    if (file == NULL)
        return 0;
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    at = strrchr(text, ')'); /* the command's name, field 2, may hold spaces */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return 0;
    ticks = strtoull(at + 1, NULL, 10);
    return clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_BOOTTIME) + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void write_process(FILE *out)
{
    static double started;
    const struct {
        const char *name, *help;
        enum metric_type type;
        double value;
    } rows[] = {
        { "process_cpu_seconds_total", "User and system CPU time.", METRIC_COUNTER,
          clock_seconds(CLOCK_PROCESS_CPUTIME_ID) },
        { "process_open_fds", "Open file descriptors.", METRIC_GAUGE, open_fds() },
        { "process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE, resident_bytes() },
        { "process_start_time_seconds", "Start of the process since the Unix epoch.", METRIC_GAUGE,
          started != 0 ? started : (started = start_seconds()) },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_head(out, rows[i].name, rows[i].help, rows[i].type);
        write_sample(out, rows[i].name, "", "", rows[i].value);
    }
}

char *metrics_text(size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    const char *last = "";

    if (out == NULL)
        abort();
    write_process(out);
    HASH_SORT(registry, by_name);
    for (const struct metric *metric = registry; metric != NULL; metric = metric->hh.next) {
        if (strcmp(last, metric->name) != 0)
            write_head(out, metric->name, metric->help, metric->type);
        last = metric->name;
        if (metric->histogram != NULL)
            write_histogram(out, metric);
        else
            write_sample(out, metric->name, "", metric->labels, metric->value);
    }
    if (fclose(out) != 0 || text == NULL)
        abort();
    return text;
}

void metrics_reset(void)
{
    struct metric *metric, *next;

    HASH_ITER(hh, registry, metric, next) {
        HASH_DEL(registry, metric);
        free(metric->name);
        free(metric->help);
        free(metric->labels);
        free(metric->series);
        free(metric->histogram);
        free(metric);
    }
}
