#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "services/api-gateway/idempotency.h"

/* --- Rows, in the place of the database --- */

enum { ROWS_MAX = 8, TOPIC = 2 };

static struct {
    const char *ids[ROWS_MAX];
    bool lost; /* it does not take the question */
    bool late; /* it answers when it is told to */
    outcomes_looked_keyed *done;
    void *context;
    struct id_range wanted, all;
} database;

static const char *first_within(struct id_range range)
{
    for (size_t i = 0; i < ROWS_MAX && database.ids[i] != NULL; i++)
        if (strcmp(database.ids[i], range.first) >= 0 && strcmp(database.ids[i], range.last) <= 0)
            return database.ids[i];
    return NULL;
}

bool outcomes_look_keyed(struct pg *pg, int topic, struct id_range wanted, struct id_range all,
                         outcomes_looked_keyed *done, void *context, struct error *err)
{
    struct keyed_outcome found = { .request_id = first_within(wanted) };

    (void)pg;
    (void)err;
    assert_int_equal(topic, TOPIC);
    if (database.lost)
        return false;
    database.done = done;
    database.context = context;
    if (database.late)
        return true;
    if (found.request_id == NULL)
        found.request_id = first_within(all);
    found.outcome.status = found.request_id != NULL ? 202 : 0;
    done(context, &found);
    return true;
}

/* --- The scene --- */

struct seen {
    int count;
    enum idempotency_verdict verdict;
    int status; /* of the outcome; 0: none */
};

static void note(void *context, enum idempotency_verdict verdict, const struct outcome *outcome)
{
    struct seen *seen = context;

    seen->count++;
    seen->verdict = verdict;
    seen->status = outcome != NULL ? outcome->status : 0;
}

static int set_up(void **state)
{
    memset(&database, 0, sizeof database);
    *state = idempotency_new();
    return 0;
}

static int tear_down(void **state)
{
    idempotency_free(*state);
    return 0;
}

static struct idempotent request_of(const char *key, const char *body)
{
    struct idempotent request;

    idempotency_key_id(&(struct idempotency_scope){ "issuer", "subject", "POST", "/upgrade/kyma", key },
                       request.key_id);
    sha256_hex(body, strlen(body), request.body_hash);
    return request;
}

static struct seen claim(struct idempotency *keys, const char *key, const char *body)
{
    const struct idempotent request = request_of(key, body);
    struct seen seen = { 0 };

    idempotency_claim(keys, NULL, TOPIC, &request, note, &seen);
    return seen;
}

static void claims(struct idempotency *keys, const char *key, const char *body, enum idempotency_verdict want)
{
    const struct seen seen = claim(keys, key, body);

    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.verdict, want);
    assert_int_equal(seen.status, want == IDEMPOTENCY_REPEATED ? 202 : 0);
}

static void is_answered(struct idempotency *keys, const char *key, const char *body)
{
    const struct idempotent request = request_of(key, body);

    idempotency_release(keys, &request);
}

/* --- Keys and IDs --- */

static void keys_are_visible_ascii(void **state)
{
    char text[IDEMPOTENCY_KEY_LENGTH_MAX + 2];
    struct error err = { 0 };

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_true(idempotency_key_check(NULL, NULL));
    assert_true(idempotency_key_check("a-1", NULL));
    assert_true(idempotency_key_check("!~", NULL));
    assert_true(idempotency_key_check(text + 1, NULL));
    assert_false(idempotency_key_check(text, &err));
    assert_string_equal(err.message, "Idempotency-Key: expected 1 to 255 visible ASCII characters");
    assert_false(idempotency_key_check("", NULL));
    assert_false(idempotency_key_check("a b", NULL));
    assert_false(idempotency_key_check("gr\xc3\xbcn", NULL));
    assert_false(idempotency_key_check("\x7f", NULL));
}

static void every_part_of_the_scope_makes_another_key(void **state)
{
    static const struct idempotency_scope scopes[] = {
        { "issuer", "subject", "POST", "/a", "key" },  { "issuer2", "subject", "POST", "/a", "key" },
        { "issuer", "subject2", "POST", "/a", "key" }, { "issuer", "subject", "PUT", "/a", "key" },
        { "issuer", "subject", "POST", "/b", "key" },  { "issuer", "subject", "POST", "/a", "key2" },
    };
    enum { COUNT = sizeof scopes / sizeof scopes[0] };
    char ids[COUNT][UUID_SIZE], again[UUID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        idempotency_key_id(&scopes[i], ids[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
    idempotency_key_id(&scopes[0], again);
    assert_string_equal(again, ids[0]);
}

static void an_id_says_key_body_and_part(void **state)
{
    const struct idempotent request = { .key_id = "01234567-89ab-cdef-0123-456789abcdef",
                                        .body_hash = "aaaaaaaaaaaaaaaaaaaaaaaabbbb" };
    char id[IDEMPOTENCY_ID_SIZE];

    (void)state;
    idempotency_request_id(&request, 0, id);
    assert_string_equal(id, "0123456789abcdef0123456789abcdefaaaaaaaaaaaaaaaaaaaaaaaa00000000");
    idempotency_request_id(&request, 100000, id);
    assert_string_equal(id, "0123456789abcdef0123456789abcdefaaaaaaaaaaaaaaaaaaaaaaaa000186a0");
}

/* --- Claiming --- */

static void a_key_is_new_once_and_runs_until_it_is_answered(void **state)
{
    claims(*state, "k", "body", IDEMPOTENCY_NEW);
    claims(*state, "k", "body", IDEMPOTENCY_RUNS);
    claims(*state, "k", "other body", IDEMPOTENCY_REUSED);
    claims(*state, "k2", "body", IDEMPOTENCY_NEW);
    is_answered(*state, "k", "body");
    claims(*state, "k", "body", IDEMPOTENCY_NEW); /* nothing was decided */
}

static void rows_say_what_a_key_was_used_for(void **state)
{
    const struct idempotent request = request_of("k", "body");
    char id[IDEMPOTENCY_ID_SIZE];

    idempotency_request_id(&request, 17, id); /* one of its parts is enough */
    database.ids[0] = id;
    claims(*state, "k", "body", IDEMPOTENCY_REPEATED);
    claims(*state, "k", "body", IDEMPOTENCY_RUNS);
    is_answered(*state, "k", "body");
    claims(*state, "k", "other body", IDEMPOTENCY_REUSED);
    claims(*state, "k", "other body", IDEMPOTENCY_REUSED); /* which held nothing */
    claims(*state, "k2", "body", IDEMPOTENCY_NEW);
}

static void a_row_of_the_body_counts_more_than_one_of_another(void **state)
{
    const struct idempotent one = request_of("k", "body"), other = request_of("k", "other body");
    char ids[2][IDEMPOTENCY_ID_SIZE];

    idempotency_request_id(&one, 0, ids[0]);
    idempotency_request_id(&other, 0, ids[1]);
    database.ids[0] = ids[0];
    database.ids[1] = ids[1];
    claims(*state, "k", "body", IDEMPOTENCY_REPEATED);
    is_answered(*state, "k", "body");
    claims(*state, "k", "other body", IDEMPOTENCY_REPEATED);
    is_answered(*state, "k", "other body");
    claims(*state, "k", "third body", IDEMPOTENCY_REUSED);
}

static void without_the_database_nobody_knows(void **state)
{
    database.lost = true;
    claims(*state, "k", "body", IDEMPOTENCY_UNKNOWN);
    claims(*state, "k", "body", IDEMPOTENCY_RUNS);
    is_answered(*state, "k", "body");
    database.lost = false;
    database.late = true;
    {
        const struct idempotent request = request_of("k", "body");
        struct seen seen = { 0 };

        idempotency_claim(*state, NULL, TOPIC, &request, note, &seen);
        assert_int_equal(seen.count, 0);
        claims(*state, "k", "body", IDEMPOTENCY_RUNS); /* while the first one's rows are looked for */
        database.done(database.context, NULL);         /* the connection broke */
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.verdict, IDEMPOTENCY_UNKNOWN);
    }
}

static void clients_are_told_409_and_422(void **state)
{
    (void)state;
    assert_int_equal(idempotency_status(IDEMPOTENCY_RUNS), 409);
    assert_int_equal(idempotency_status(IDEMPOTENCY_REUSED), 422);
    assert_non_null(strstr(idempotency_text(IDEMPOTENCY_RUNS), "has no answer yet"));
    assert_non_null(strstr(idempotency_text(IDEMPOTENCY_REUSED), "another body"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_visible_ascii),
        cmocka_unit_test(every_part_of_the_scope_makes_another_key),
        cmocka_unit_test(an_id_says_key_body_and_part),
        cmocka_unit_test_setup_teardown(a_key_is_new_once_and_runs_until_it_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_say_what_a_key_was_used_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_of_the_body_counts_more_than_one_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_database_nobody_knows, set_up, tear_down),
        cmocka_unit_test(clients_are_told_409_and_422),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
