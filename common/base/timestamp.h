/* timestamp.h - times as the wire writes them: RFC 3339 in UTC. Times are milliseconds since the Unix epoch.
 * Pure but for clock_now_ms. */
#ifndef TIDEGATE_BASE_TIMESTAMP_H
#define TIDEGATE_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMESTAMP_SIZE = 32 };

/* "2022-02-01T09:15:04.12Z": trailing zeros of the fraction dropped, no fraction if zero. Years 0001 to 9999. */
void timestamp_format(int64_t time_ms, char out[TIMESTAMP_SIZE]);

/* The same of microseconds since the Unix epoch. */
void timestamp_format_us(int64_t time_us, char out[TIMESTAMP_SIZE]);

/* Reads RFC 3339 with any offset; digits below a millisecond are cut. False: not such a text. */
bool timestamp_parse(const char *text, int64_t *time_ms);

/* The same in microseconds since the Unix epoch; digits below one are cut. */
bool timestamp_parse_us(const char *text, int64_t *time_us);

/* The wall clock. Not for cores. */
int64_t clock_now_ms(void);

#endif
