#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

/* Up to this many names are compared each with each, which needs no memory. */
enum { FEW_NAMES = 16 };

/* A location takes a walk of at most so many bytes, not one through the whole document. */
enum { PLACE_STEP = 256 };

/* Longer names are no typing errors, and comparing them takes time. */
enum { SUGGESTED_NAME_MAX = 40 };

bool validate_spend(struct validation *v, size_t work)
{
    if (v->work_left < 0)
        return false;
    v->work_left -= work > INT32_MAX ? INT32_MAX : (int64_t)work;
    if (v->work_left >= 0)
        return true;
    gql_errors_add(v->errors, "limit",
                   "Validation has stopped: the document combines more fields, fragments and variables than can be "
                   "compared. Use fewer of them.");
    return false;
}

bool validate_is_full(const struct validation *v)
{
    return v->errors->max != 0 && v->errors->count > v->errors->max;
}

/* `size` bytes behind `from`, which is where `text` begins. */
static struct gql_location location_after(struct gql_location from, const char *text, uint32_t size)
{
    struct gql_location moved = gql_location(text, size);

    return (struct gql_location){ .line = from.line + moved.line - 1,
                                  .column = moved.line == 1 ? from.column + moved.column - 1 : moved.column };
}

/* Where every PLACE_STEP-th byte is. */
static const struct gql_location *places_of(struct validation *v)
{
    size_t count = v->ast->size / PLACE_STEP + 1;

    v->places = gql_alloc(&v->arena, count * sizeof(*v->places));
    v->places[0] = (struct gql_location){ .line = 1, .column = 1 };
    for (size_t i = 1; i < count; i++)
        v->places[i] = location_after(v->places[i - 1], v->ast->text + (i - 1) * PLACE_STEP, PLACE_STEP);
    return v->places;
}

void validate_at(struct validation *v, struct gql_error *error, uint32_t at)
{
    const struct gql_location *places = v->places;
    uint32_t step = at / PLACE_STEP;

    if (error == NULL || error->location_count == GQL_ERROR_LOCATIONS_MAX)
        return;
    if (places == NULL)
        places = places_of(v);
    error->locations[error->location_count++] = location_after(places[step], v->ast->text + (size_t)step * PLACE_STEP,
                                                               at - step * PLACE_STEP);
}

static int compare_at(const void *a, const void *b, void *names)
{
    const struct gql_name *const *list = names;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int order = strcmp(list[left]->text, list[right]->text);

    if (order != 0)
        return order;
    return left < right ? -1 : left > right;
}

/* Sorted, because what clients choose the names for should not depend on a hash. */
static const uint32_t *first_of_many(struct validation *v, const struct gql_name *const *names, uint32_t count)
{
    uint32_t *sorted = gql_alloc(&v->arena, count * sizeof(*sorted));
    uint32_t *first = gql_alloc(&v->arena, count * sizeof(*first));
    bool is_distinct = true;

    for (uint32_t i = 0; i < count; i++)
        sorted[i] = i;
    qsort_r(sorted, count, sizeof(*sorted), compare_at, (void *)(uintptr_t)names);
    for (uint32_t i = 0; i < count; i++) {
        bool is_same = i > 0 && strcmp(names[sorted[i]]->text, names[sorted[i - 1]]->text) == 0;

        first[sorted[i]] = is_same ? first[sorted[i - 1]] : sorted[i];
        is_distinct = is_distinct && !is_same;
    }
    return is_distinct ? NULL : first;
}

static bool is_name(const struct gql_name *a, const struct gql_name *b)
{
    return a->text[0] == b->text[0] && strcmp(a->text, b->text) == 0;
}

static bool are_few_distinct(const struct gql_name *const *names, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (is_name(names[i], names[j]))
                return false;
    return true;
}

const uint32_t *validate_first_of_name(struct validation *v, const struct gql_name *const *names, uint32_t count)
{
    if (count <= FEW_NAMES && are_few_distinct(names, count))
        return NULL;
    return first_of_many(v, names, count);
}

static bool are_few_members_distinct(const struct gql_member *members, uint32_t count)
{
    const struct gql_name *names[FEW_NAMES] = { NULL };
    uint32_t i = 0;

    for (const struct gql_member *member = members; member != NULL; member = member->next)
        names[i++] = &member->name;
    return are_few_distinct(names, count);
}

const uint32_t *validate_first_of_member(struct validation *v, const struct gql_member *members,
                                         const struct gql_name *const **names, uint32_t *count)
{
    const struct gql_name **list;
    uint32_t i = 0;

    *names = NULL;
    *count = 0;
    for (const struct gql_member *member = members; member != NULL; member = member->next)
        ++*count;
    if (*count <= 1 || (*count <= FEW_NAMES && are_few_members_distinct(members, *count)))
        return NULL;
    *names = list = gql_alloc(&v->arena, *count * sizeof(const struct gql_name *));
    for (const struct gql_member *member = members; member != NULL; member = member->next)
        list[i++] = &member->name;
    return first_of_many(v, list, *count);
}

void validate_report_same(struct validation *v, const char *rule, const char *what, const struct gql_name *const *names,
                          const uint32_t *first, uint32_t count)
{
    uint32_t *next = gql_alloc(&v->arena, count * sizeof(*next)); /* with the same name; 0: none */
    uint32_t *after = gql_alloc(&v->arena, count * sizeof(*after));

    for (uint32_t i = count; i-- > 0;) {
        next[i] = after[first[i]];
        after[first[i]] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct gql_error *error;

        if (first[i] != i || next[i] == 0)
            continue;
        error = gql_errors_add(v->errors, rule, "There can be only one %s%s\".", what, names[i]->text);
        validate_at(v, error, names[i]->at);
        for (uint32_t j = next[i]; j != 0; j = next[j])
            validate_at(v, error, names[j]->at);
    }
}

/* The edits (a byte put in, left out or replaced) that make `b` of `a`; both are at most SUGGESTED_NAME_MAX long. */
static size_t edits_between(const char *a, const char *b)
{
    size_t row[SUGGESTED_NAME_MAX + 1], length = strlen(b);

    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t moved = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = replaced < moved ? replaced : moved;
        }
    }
    return row[length];
}

struct suggestion suggestion_for(const char *wrong)
{
    size_t length = strnlen(wrong, SUGGESTED_NAME_MAX + 1);

    return (struct suggestion){ .wrong = length <= SUGGESTED_NAME_MAX ? wrong : NULL, .best = length * 2 / 5 + 2 };
}

void suggestion_try(struct suggestion *suggestion, const char *name)
{
    size_t edits;

    if (suggestion->wrong == NULL || strnlen(name, SUGGESTED_NAME_MAX + 1) > SUGGESTED_NAME_MAX)
        return;
    edits = edits_between(suggestion->wrong, name);
    if (edits < suggestion->best) {
        suggestion->best = edits;
        suggestion->name = name;
    }
}

const char *suggestion_text(struct suggestion *suggestion)
{
    if (suggestion->name == NULL)
        return "";
    snprintf(suggestion->text, sizeof(suggestion->text), " Did you mean \"%s\"?", suggestion->name);
    return suggestion->text;
}

struct ref_text validate_ref_text(const struct gql_ref *ref)
{
    struct ref_text text = { "" };

    gql_ref_print(ref, text.text, sizeof(text.text));
    return text;
}
