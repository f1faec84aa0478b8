/* Idempotency-Keys at the broker: of all who claim a key the first one has it, whatever becomes of who asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/broker/claims.h"
#include "services/broker/instance.h"
#include "tests/unit/scene.h"

#define CLAIM "tidegate.instance.claim.v1"
#define RELEASE "tidegate.instance.release.v1"
#define KEY "01234567-89ab-cdef-0123-456789abcdef"
#define ONE "11111111-1111-4111-8111-111111111111"
#define TWO "22222222-2222-4222-8222-222222222222"
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ACTOR "'actor':{'issuer':'iss','subject':'ann','email':'ann@example.net'}"
#define MESSAGE "'message':{'key':'r1','type':'tidegate.runtime.hibernate.v1','data':{'operationID':'op1'}}"

#define T0 1643706000000 /* 2022-02-01T09:00:00Z */
enum { HOLD_MS = 10000 };

static void claim_as(struct scene *scene, const char *holder, const char *hash)
{
    char data[512];

    snprintf(data, sizeof data, "{" ACTOR ",'bodyHash':'%s','holder':'%s'}", hash, holder);
    when(scene, CLAIM, KEY, data);
}

static void hand_on(struct scene *scene, const char *hash)
{
    char data[512];

    snprintf(data, sizeof data, "{" ACTOR ",'bodyHash':'%s'," MESSAGE "}", hash);
    when(scene, CLAIM, KEY, data);
}

static void release_as(struct scene *scene, const char *holder)
{
    char data[128];

    snprintf(data, sizeof data, "{'holder':'%s'}", holder);
    when(scene, RELEASE, KEY, data);
}

static void then_is_reused(struct scene *scene)
{
    then_events(scene, "tidegate.instance.rejected.v1 " KEY " {" ACTOR ",'request':'" CLAIM "'}", NULL);
    then_messages(scene, NULL);
    then_outcome(scene, 422,
                 "{'error':'Idempotency-Key: it was used before, for a request with another body',"
                 "'reason':'err_gateway_key_reused','component':'gateway'}");
}

/* --- Held by who carries it out --- */

static void first_claim_has_the_key_and_is_told_for_how_long(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    then_events(scene,
                "tidegate.instance.claimed.v1 " KEY " {'bodyHash':'" HASH_A "','holder':'" ONE
                "','until':1643706010000," ACTOR "}",
                NULL);
    then_messages(scene, NULL);
    then_outcome(scene, 200, "{'result':'first','forMs':10000}");
    then_row(scene, "claim", "0",
             "{'place':0,'number':0,'key_id':'" KEY "','body_hash':'" HASH_A "','holder':'" ONE
             "','until_at':'2022-02-01T09:00:10Z'}");
    scene_free(scene);
}

static void another_body_never_has_the_key(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    claim_as(scene, TWO, HASH_B);
    then_is_reused(scene);
    hand_on(scene, HASH_B);
    then_is_reused(scene);
    release_as(scene, ONE);
    claim_as(scene, ONE, HASH_B);
    then_is_reused(scene);
    scene_time(scene, T0 + 365LL * 24 * 3600 * 1000);
    scene_take_over(scene);
    claim_as(scene, TWO, HASH_B);
    then_is_reused(scene);
    scene_free(scene);
}

static void same_body_waits_while_its_holder_is_heard_of(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    claim_as(scene, TWO, HASH_A);
    then_events(scene, "tidegate.instance.rejected.v1 " KEY, NULL);
    then_outcome(scene, 409, "{'reason':'err_gateway_key_in_use'}");
    scene_time(scene, T0 + HOLD_MS - 1);
    claim_as(scene, ONE, HASH_A);
    then_outcome(scene, 200, "{'result':'renewed'}");
    scene_time(scene, T0 + 2 * HOLD_MS - 2);
    scene_take_over(scene);
    claim_as(scene, TWO, HASH_A);
    then_outcome(scene, 409, NULL);
    scene_free(scene);
}

static void same_body_goes_on_where_a_silent_holder_ended(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    scene_time(scene, T0 + HOLD_MS);
    claim_as(scene, TWO, HASH_A);
    then_events(scene, "tidegate.instance.claimed.v1 " KEY " {'holder':'" TWO "'}", NULL);
    then_outcome(scene, 200, "{'result':'again'}");
    claim_as(scene, ONE, HASH_A); /* which was not dead, and learns it */
    then_outcome(scene, 409, NULL);
    release_as(scene, ONE);
    then_events(scene, NULL);
    then_outcome(scene, 200, "{'result':'released'}");
    claim_as(scene, ONE, HASH_A);
    then_outcome(scene, 409, NULL);
    scene_free(scene);
}

static void holder_that_was_late_is_told_whether_another_one_had_the_key(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    scene_time(scene, T0 + 2 * HOLD_MS);
    claim_as(scene, ONE, HASH_A);
    then_outcome(scene, 200, "{'result':'renewed'}");
    scene_time(scene, T0 + 4 * HOLD_MS);
    claim_as(scene, TWO, HASH_A);
    release_as(scene, TWO);
    claim_as(scene, ONE, HASH_A);
    then_outcome(scene, 200, "{'result':'again'}");
    scene_free(scene);
}

static void released_key_is_free_for_the_same_body_at_once(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    claim_as(scene, ONE, HASH_A);
    release_as(scene, ONE);
    then_events(scene, "tidegate.instance.released.v1 " KEY " {'holder':'" ONE "'}", NULL);
    scene_take_over(scene);
    claim_as(scene, TWO, HASH_A);
    then_outcome(scene, 200, "{'result':'again'}");
    scene_free(scene);
}

/* --- Handed on --- */

static void first_claim_hands_its_request_on(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    hand_on(scene, HASH_A);
    then_events(scene, "tidegate.instance.claimed.v1 " KEY " {'bodyHash':'" HASH_A "'," MESSAGE "}", NULL);
    then_messages(scene, "runtimes r1 tidegate.runtime.hibernate.v1 {'operationID':'op1'}", NULL);
    assert_true(scene_message(scene, 0)->hand_on);
    then_outcome(scene, 200, "{'result':'claimed'}");
    scene_free(scene);
}

static void what_was_handed_on_is_not_handed_on_again(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    hand_on(scene, HASH_A);
    for (int i = 0; i < 2; i++) {
        scene_time(scene, T0 + 100LL * HOLD_MS);
        hand_on(scene, HASH_A);
        then_events(scene, NULL);
        then_messages(scene, NULL);
        then_outcome(scene, 200, "{'result':'claimed'}"); /* word for word: it is one row */
        scene_take_over(scene);
    }
    hand_on(scene, HASH_B);
    then_is_reused(scene);
    scene_free(scene);
}

/* --- Claims that are none --- */

static void claim_that_cannot_be_used_is_rejected(void **unused)
{
    static const struct {
        const char *key, *data, *want_error;
    } rows[] = {
        { "", "{'bodyHash':'" HASH_A "','holder':'" ONE "'}", "{'error':'the subject must be the UUID of a key'}" },
        { KEY, "{'bodyHash':'a','holder':'" ONE "'}", "{'error':'bodyHash must be a SHA-256 in hexadecimal digits'}" },
        { KEY, "{'bodyHash':'" HASH_A "'}", "{'error':'either message or holder, a UUID, must be there'}" },
        { KEY, "{'bodyHash':'" HASH_A "','holder':'me'}",
          "{'error':'either message or holder, a UUID, must be there'}" },
        { KEY, "{'bodyHash':'" HASH_A "','holder':'" ONE "'," MESSAGE "}", NULL },
        { KEY, "{'bodyHash':'" HASH_A "','message':{'key':'r1','type':'tidegate.instance.import.v1','data':{}}}",
          NULL },
        { KEY, "{'bodyHash':'" HASH_A "','message':{'key':'','type':'tidegate.runtime.wake.v1','data':{}}}", NULL },
        { KEY, "{'bodyHash':'" HASH_A "','message':{'key':'r1','type':'tidegate.runtime.wake.v1'}}", NULL },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene *scene = scene_new(&instance_core, NULL);

        when(scene, CLAIM, rows[i].key, rows[i].data);
        then_messages(scene, NULL);
        then_outcome(scene, 400, rows[i].want_error);
        claim_as(scene, ONE, HASH_B);
        then_outcome(scene, 200, "{'result':'first'}");
        scene_free(scene);
    }
}

static void release_of_an_unknown_key_changes_nothing(void **unused)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)unused;
    release_as(scene, ONE);
    then_events(scene, NULL);
    then_outcome(scene, 200, "{'result':'released'}");
    when(scene, RELEASE, KEY, "{}");
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- What is forgotten --- */

static enum claim_verdict judged(const struct claims *claims, int number)
{
    char key_id[UUID_SIZE];

    snprintf(key_id, sizeof key_id, "00000000-0000-4000-8000-%012d", number);
    return claims_judge(claims, &(struct claim){ .key_id = key_id, .body_hash = HASH_B, .holder = "" }, T0);
}

static void put_numbered(struct claims *claims, int number, char row_id[CLAIM_ROW_ID_SIZE])
{
    char key_id[UUID_SIZE];

    snprintf(key_id, sizeof key_id, "00000000-0000-4000-8000-%012d", number);
    claims_put(claims, &(struct claim){ .key_id = key_id, .body_hash = HASH_A, .holder = "" }, row_id);
}

/* The rows are as many as the keys that are remembered, and bring the same ones back, in the same order. */
static void oldest_key_is_forgotten_for_the_newest(void **unused)
{
    struct claims *claims = claims_new(), *loaded = claims_new();
    char row_id[CLAIM_ROW_ID_SIZE];

    (void)unused;
    for (int i = 0; i < CLAIMS_MAX + 2; i++)
        put_numbered(claims, i, row_id);
    assert_string_equal(row_id, "1");
    put_numbered(claims, CLAIMS_MAX, row_id); /* known: it takes no other's place */
    assert_int_equal(judged(claims, 1), CLAIM_FIRST);
    assert_int_equal(judged(claims, 2), CLAIM_REUSED);
    for (int place = CLAIMS_MAX - 1; place >= 0; place--) {
        json_t *row;

        snprintf(row_id, sizeof row_id, "%d", place);
        row = claim_row(claims, row_id);
        assert_non_null(row);
        claim_load(loaded, row);
        json_decref(row);
    }
    put_numbered(loaded, CLAIMS_MAX + 2, row_id);
    assert_string_equal(row_id, "2");
    assert_int_equal(judged(loaded, 2), CLAIM_FIRST);
    assert_int_equal(judged(loaded, 3), CLAIM_REUSED);
    assert_int_equal(judged(loaded, CLAIMS_MAX + 1), CLAIM_REUSED);
    claims_free(claims);
    claims_free(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_claim_has_the_key_and_is_told_for_how_long),
        cmocka_unit_test(another_body_never_has_the_key),
        cmocka_unit_test(same_body_waits_while_its_holder_is_heard_of),
        cmocka_unit_test(same_body_goes_on_where_a_silent_holder_ended),
        cmocka_unit_test(holder_that_was_late_is_told_whether_another_one_had_the_key),
        cmocka_unit_test(released_key_is_free_for_the_same_body_at_once),
        cmocka_unit_test(first_claim_hands_its_request_on),
        cmocka_unit_test(what_was_handed_on_is_not_handed_on_again),
        cmocka_unit_test(claim_that_cannot_be_used_is_rejected),
        cmocka_unit_test(release_of_an_unknown_key_changes_nothing),
        cmocka_unit_test(oldest_key_is_forgotten_for_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
