/* metrics.h - counters, gauges and histograms of this process, as Prometheus text (exposition format 0.0.4).
 *
 * A metric is made once and lives as long as the process; updating one is a memory access. One thread only, like
 * everything on the event loop. Counters end in _total, seconds in _seconds, bytes in _bytes. */
#ifndef TIDEGATE_OBSERVE_METRICS_H
#define TIDEGATE_OBSERVE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metric; /* opaque: one series of counter, gauge or histogram */

enum { METRICS_SERIES_MAX = 4096 };

/* The series `name` with `labels` ("topic=\"x\",partition=\"3\""; NULL or "": none): made, or the one that was made
 * before. Texts are copied. All series of one name must be of one type; that, and the maximum, are asserted. */
struct metric *metrics_counter(const char *name, const char *help, const char *labels);
struct metric *metrics_gauge(const char *name, const char *help, const char *labels);

/* Seconds, in fixed buckets of 100 us to 60 s. */
struct metric *metrics_histogram(const char *name, const char *help, const char *labels);

void metric_add(struct metric *metric, double value);       /* counters (value >= 0) and gauges */
void metric_set(struct metric *metric, double value);       /* gauges */
void metric_observe(struct metric *metric, double seconds); /* histograms */
double metric_value(const struct metric *metric);           /* counters and gauges; count of a histogram */

/* One label, escaped, for `labels` above: name="value". Joined with ',' by the caller. Cut at `size`. */
void metric_label(char *out, size_t size, const char *name, const char *value);

/* The metrics of the process (process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
 * process_start_time_seconds), then all others by name and labels. Own: free(). Never NULL. */
char *metrics_text(size_t *size);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Forgets everything; for tests. All series become invalid. */
void metrics_reset(void);

#endif
