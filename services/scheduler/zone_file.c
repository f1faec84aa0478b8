#include "services/scheduler/zone_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/window/zone.h"

enum {
    FILE_SIZE_MAX = 64 * 1024,
    HEADER_SIZE = 44,
    RULE_SIZE = 128, /* of the last line: what holds after the last change */
    PATH_SIZE = 256,
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 86400,
};

struct bytes {
    const unsigned char *at, *end;
};

/* The zone that is being made. */
struct changes {
    struct zone_change items[ZONE_CHANGES_MAX];
    size_t count;
};

/* --- The calendar --- */

/* Days since 1970-01-01 of the first day of a month. */
static int64_t month_begin(int year, int month /* 1 to 12 */)
{
    int64_t from_march = (month + 9) % 12, year_of_march = year - (month <= 2), era = year_of_march / 400;
    int64_t year_of_era = year_of_march - era * 400;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5 - 719468;
}

static int64_t year_begin_s(int year)
{
    return month_begin(year, 1) * DAY_S;
}

/* --- Changes --- */

/* What came before the first year is its offset at the beginning; what changes nothing is none. */
static void add_change(struct changes *changes, int64_t at_s, int32_t offset_s)
{
    struct zone_change *last = changes->count == 0 ? NULL : &changes->items[changes->count - 1];

    if (at_s <= year_begin_s(ZONE_YEAR_FIRST)) {
        changes->items[0] = (struct zone_change){ .at_s = year_begin_s(ZONE_YEAR_FIRST), .offset_s = offset_s };
        changes->count = 1;
    } else if (at_s < year_begin_s(ZONE_YEAR_LAST + 1) && changes->count < ZONE_CHANGES_MAX &&
               (last == NULL || last->offset_s != offset_s)) {
        changes->items[changes->count++] = (struct zone_change){ .at_s = at_s, .offset_s = offset_s };
    }
}

/* --- The table of changes --- */

static int64_t number_at(const unsigned char *at, size_t size)
{
    uint64_t number = (*at & 0x80) != 0 ? UINT64_MAX : 0;

    while (size-- > 0)
        number = number << 8 | *at++;
    return (int64_t)number;
}

struct counts { /* in the order of the header */
    size_t is_ut, is_std, leap, time, type, text;
};

static bool read_header(struct bytes *bytes, struct counts *counts)
{
    const unsigned char *at = bytes->at;
    size_t *const all[] = {
        &counts->is_ut, &counts->is_std, &counts->leap, &counts->time, &counts->type, &counts->text
    };

    if (bytes->end - at < HEADER_SIZE || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int64_t count = number_at(at + 20 + 4 * i, 4);

        if (count < 0 || count > FILE_SIZE_MAX)
            return false;
        *all[i] = (size_t)count;
    }
    bytes->at += HEADER_SIZE;
    return true;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
    return counts->time * (time_size + 1) + counts->type * 6 + counts->text + counts->leap * (time_size + 4) +
           counts->is_std + counts->is_ut;
}

/* The block with times of eight bytes, behind the one with four. `last_s`: the last change. */
static bool read_table(struct bytes *bytes, struct changes *changes, int64_t *last_s)
{
    struct counts counts;
    const unsigned char *indexes, *types;

    if (!read_header(bytes, &counts) || (size_t)(bytes->end - bytes->at) < block_size(&counts, 4))
        return false;
    bytes->at += block_size(&counts, 4);
    if (!read_header(bytes, &counts) || (size_t)(bytes->end - bytes->at) < block_size(&counts, 8) || counts.type == 0)
        return false;
    indexes = bytes->at + counts.time * 8;
    types = indexes + counts.time;
    *last_s = INT64_MIN;
    add_change(changes, INT64_MIN, (int32_t)number_at(types, 4));
    for (size_t i = 0; i < counts.time; i++) {
        if (indexes[i] >= counts.type)
            return false;
        *last_s = number_at(bytes->at + i * 8, 8);
        add_change(changes, *last_s, (int32_t)number_at(types + (size_t)indexes[i] * 6, 4));
    }
    bytes->at += block_size(&counts, 8);
    return true;
}

/* --- The rule for what comes after: CET-1CEST,M3.5.0,M10.5.0/3 --- */

struct rule_day { /* the n-th weekday of a month; 5 is the last one */
    int month, week, weekday;
    int64_t time_s;
};

static bool read_name(const char **at)
{
    const char *begin = *at;

    if (**at == '<') {
        *at += strcspn(*at, ">");
        if (**at == '\0')
            return false;
        ++*at;
        return true;
    }
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - begin >= 3;
}

static bool read_number(const char **at, int *number)
{
    int digits = 0;

    for (*number = 0; isdigit((unsigned char)**at) && digits < 4; digits++)
        *number = *number * 10 + (*(*at)++ - '0');
    return digits > 0;
}

/* [+-]h[h][h][:mm[:ss]] */
static bool read_clock(const char **at, int64_t *time_s)
{
    int sign = **at == '-' ? -1 : 1, hour, minute = 0, second = 0;

    *at += **at == '-' || **at == '+';
    if (!read_number(at, &hour))
        return false;
    if (**at == ':') {
        ++*at;
        if (!read_number(at, &minute))
            return false;
    }
    if (**at == ':') {
        ++*at;
        if (!read_number(at, &second))
            return false;
    }
    *time_s = sign * ((int64_t)hour * HOUR_S + minute * MINUTE_S + second);
    return true;
}

static bool read_day(const char **at, struct rule_day *day)
{
    if (strncmp(*at, ",M", 2) != 0)
        return false;
    *at += 2;
    if (!read_number(at, &day->month) || *(*at)++ != '.' || !read_number(at, &day->week) || *(*at)++ != '.' ||
        !read_number(at, &day->weekday) || day->month < 1 || day->month > 12 || day->week < 1 || day->week > 5 ||
        day->weekday > 6)
        return false;
    day->time_s = 2 * HOUR_S;
    if (**at != '/')
        return true;
    ++*at;
    return read_clock(at, &day->time_s);
}

/* When the day of the rule comes in `year`, on clocks. */
static int64_t rule_day_s(const struct rule_day *day, int year)
{
    int64_t first = month_begin(year, day->month);
    int64_t next = day->month == 12 ? month_begin(year + 1, 1) : month_begin(year, day->month + 1);
    int64_t date = first + (day->weekday - (first + 4) % 7 + 7) % 7 + 7 * (int64_t)(day->week - 1); /* 1970: Thursday */

    if (date >= next)
        date -= 7;
    return date * DAY_S + day->time_s;
}

static void add_year(struct changes *changes, int year, int64_t after_s, const int64_t offsets[2],
                     const struct rule_day days[2])
{
    /* Each day's clocks still show the other's offset. */
    struct zone_change both[2] = {
        { .at_s = rule_day_s(&days[0], year) - offsets[0], .offset_s = (int32_t)offsets[1] },
        { .at_s = rule_day_s(&days[1], year) - offsets[1], .offset_s = (int32_t)offsets[0] },
    };
    int first = both[0].at_s > both[1].at_s;

    for (int i = 0; i < 2; i++) {
        const struct zone_change *change = &both[(first + i) % 2];

        if (change->at_s > after_s)
            add_change(changes, change->at_s, change->offset_s);
    }
}

static bool read_rule(const char *rule, struct changes *changes, int64_t last_s)
{
    const char *at = rule;
    int64_t offsets[2]; /* of standard time and of daylight saving time */
    struct rule_day days[2];

    if (*at == '\0')
        return true;
    if (!read_name(&at) || !read_clock(&at, &offsets[0]))
        return false;
    offsets[0] = -offsets[0]; /* there, west is positive */
    if (*at == '\0') {
        add_change(changes, last_s == INT64_MIN ? INT64_MIN : last_s + 1, (int32_t)offsets[0]);
        return true;
    }
    if (!read_name(&at))
        return false;
    offsets[1] = offsets[0] + HOUR_S;
    if (*at != ',') {
        if (!read_clock(&at, &offsets[1]))
            return false;
        offsets[1] = -offsets[1];
    }
    if (!read_day(&at, &days[0]) || !read_day(&at, &days[1]) || *at != '\0')
        return false;
    for (int year = ZONE_YEAR_FIRST - 1; year <= ZONE_YEAR_LAST; year++)
        add_year(changes, year, last_s, offsets, days);
    return true;
}

static bool read_last_line(const struct bytes *bytes, struct changes *changes, int64_t last_s)
{
    char rule[RULE_SIZE];
    size_t size = (size_t)(bytes->end - bytes->at);

    if (size < 2 || size > RULE_SIZE || bytes->at[0] != '\n' || bytes->at[size - 1] != '\n')
        return false;
    memcpy(rule, bytes->at + 1, size - 2);
    rule[size - 2] = '\0';
    return read_rule(rule, changes, last_s);
}

/* --- The file --- */

static bool is_name(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && size < ZONE_NAME_SIZE && isalpha((unsigned char)name[0]) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == size;
}

static bool read_changes(const char *path, struct changes *changes, struct error *err)
{
    unsigned char *content = malloc(FILE_SIZE_MAX);
    FILE *file = fopen(path, "re");
    struct bytes bytes;
    int64_t last_s;
    bool is_read;

    if (content == NULL)
        abort();
    bytes = (struct bytes){ .at = content, .end = content };
    if (file != NULL) {
        bytes.end += fread(content, 1, FILE_SIZE_MAX, file);
        fclose(file);
    }
    is_read = read_table(&bytes, changes, &last_s) && read_last_line(&bytes, changes, last_s);
    free(content);
    if (file == NULL)
        return error_set(err, ERROR_NOT_FOUND, "no such time zone is known here (%s: %s)", path, strerror(errno));
    return is_read || error_set(err, ERROR_INPUT, "%s is no file of a time zone that can be read", path);
}

json_t *zone_file_read(const char *folder, const char *name, struct error *err)
{
    struct changes changes = { .count = 0 };
    char path[PATH_SIZE];
    json_t *list;

    if (!is_name(name)) {
        error_set(err, ERROR_INPUT, "is no name of a time zone; right is one such as Europe/Berlin");
        return NULL;
    }
    snprintf(path, sizeof path, "%.180s/%s", folder, name);
    if (!read_changes(path, &changes, err))
        return NULL;
    list = json_array();
    for (size_t i = 0; i < changes.count; i++)
        json_array_append_new(list,
                              json_pack("[I, i]", (json_int_t)changes.items[i].at_s, (int)changes.items[i].offset_s));
    return list;
}
