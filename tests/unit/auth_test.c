/* Authentication: which tokens pass, and why each of the others does not. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjose/cjose.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>

#include "common/auth/auth.h"
#include "common/auth/dev_token.h"
#include "common/auth/key_set.h"
#include "common/base/error.h"
#include "common/observe/log.h"

enum { PATH_SIZE = 128, HEADER_SIZE = 8192 };
static const int64_t nine_oclock = 1643706000000;

/* Making RSA keys takes longer than all tests: they are made once. The set has the first two: kid "rsa", "ec". */
static struct {
    cjose_jwk_t *rsa, *ec, *stranger;
    char *jwks_text;
} keys;

struct bench {
    char folder[64], jwks[PATH_SIZE];
    const cjose_jwk_t *rsa, *ec, *stranger; /* borrowed from keys */
    const char *jwks_text;
    struct auth *auth;
};

/* --- Keys and tokens --- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static cjose_jwk_t *named(cjose_jwk_t *jwk, const char *kid)
{
    assert_non_null(jwk);
    assert_true(cjose_jwk_set_kid(jwk, kid, strlen(kid), NULL));
    return jwk;
}

static cjose_jwk_t *rsa_new(const char *kid)
{
    return named(cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\x01\x00\x01", 3, NULL), kid);
}

/* A JWKS of up to two public keys. Own. */
static char *key_set_text(const cjose_jwk_t *first, const cjose_jwk_t *second)
{
    char *one = cjose_jwk_to_json(first, false, NULL), *two = cjose_jwk_to_json(second, false, NULL), *text;

    assert_true(asprintf(&text, "{\"keys\":[%s,%s]}", one, two) > 0);
    free(one);
    free(two);
    return text;
}

static struct auth *auth_for(struct event_base *base, const char *jwks)
{
    struct auth *auth = auth_new(
        base, &(struct auth_options){ .issuer = "https://issuer", .audience = "tidegate", .jwks = jwks }, NULL);

    assert_non_null(auth);
    return auth;
}

static int keys_make(void **state)
{
    (void)state;
    keys.rsa = rsa_new("rsa");
    keys.ec = named(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL), "ec");
    keys.stranger = rsa_new("rsa");
    keys.jwks_text = key_set_text(keys.rsa, keys.ec);
    return 0;
}

static int keys_forget(void **state)
{
    (void)state;
    cjose_jwk_release(keys.rsa);
    cjose_jwk_release(keys.ec);
    cjose_jwk_release(keys.stranger);
    free(keys.jwks_text);
    return 0;
}

static int bench_open(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    log_open("test", "test", LOG_LEVEL_OFF);
    strcpy(bench->folder, "/tmp/tidegate-auth-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->jwks, sizeof bench->jwks, "%s/jwks.json", bench->folder);
    bench->rsa = keys.rsa;
    bench->ec = keys.ec;
    bench->stranger = keys.stranger;
    bench->jwks_text = keys.jwks_text;
    write_text(bench->jwks, bench->jwks_text);
    bench->auth = auth_for(NULL, bench->jwks);
    *state = bench;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;

    auth_free(bench->auth);
    unlink(bench->jwks);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

/* "Bearer <token>" of claims written with ' for ". */
static const char *token(const cjose_jwk_t *key, const char *alg, const char *kid, const char *claims)
{
    static char header[HEADER_SIZE];
    cjose_header_t *head = cjose_header_new(NULL);
    const char *compact = NULL;
    cjose_jws_t *jws;
    char *text = strdup(claims);

    for (char *at = text; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    assert_true(cjose_header_set(head, "alg", alg, NULL));
    if (kid != NULL)
        assert_true(cjose_header_set(head, "kid", kid, NULL));
    jws = cjose_jws_sign(key, head, (const uint8_t *)text, strlen(text), NULL);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &compact, NULL));
    snprintf(header, sizeof header, "Bearer %s", compact);
    cjose_jws_release(jws);
    cjose_header_release(head);
    free(text);
    return header;
}

static const char good[] = "{'iss':'https://issuer','aud':'tidegate','sub':'u1','email':'u@example.com',"
                           "'exp':1643706060,'groups':['runtimeAdmin','x']}";

static void then_passes(struct bench *bench, const char *authorization, int64_t now_ms)
{
    struct error err = { .code = ERROR_NONE };
    struct caller caller;

    if (!auth_check(bench->auth, authorization, now_ms, &caller, &err))
        fail_msg("refused: %s", err.message);
}

static void then_refused(struct bench *bench, const char *authorization, const char *want)
{
    struct error err = { .code = ERROR_NONE };
    struct caller caller;

    assert_false(auth_check(bench->auth, authorization, nine_oclock, &caller, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    if (strstr(err.message, want) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", err.message, want);
    if (authorization != NULL && strlen(authorization) > 60)
        assert_null(strstr(err.message, authorization + 40)); /* nothing of the token */
}

/* --- What passes --- */

static void a_good_token_names_its_caller(void **state)
{
    struct bench *bench = *state;
    struct caller caller;

    assert_true(auth_check(bench->auth, token(bench->rsa, "RS256", "rsa", good), nine_oclock, &caller, NULL));
    assert_string_equal(caller.issuer, "https://issuer");
    assert_string_equal(caller.subject, "u1");
    assert_string_equal(caller.email, "u@example.com");
    assert_true(caller.admin);
    assert_false(caller.oper);
}

static void a_caller_is_known_until_its_token_is_refused(void **state)
{
    struct bench *bench = *state;
    const char *authorization = token(bench->rsa, "RS256", "rsa", good);
    struct caller caller = { .until_ms = 0 };

    for (int known = 0; known < 2; known++) { /* the second time from memory */
        caller.until_ms = 0;
        assert_true(auth_check(bench->auth, authorization, nine_oclock, &caller, NULL));
        assert_int_equal(caller.until_ms, INT64_C(1643706060000) + 30000);
    }
    then_passes(bench, authorization, caller.until_ms - 1);
    assert_false(auth_check(bench->auth, authorization, caller.until_ms, &caller, NULL));
}

static void es256_passes_too(void **state)
{
    struct bench *bench = *state;

    then_passes(bench, token(bench->ec, "ES256", "ec", good), nine_oclock);
}

static void one_of_several_audiences_is_enough(void **state)
{
    struct bench *bench = *state;

    then_passes(bench,
                token(bench->rsa, "RS256", "rsa",
                      "{'iss':'https://issuer','aud':['x','tidegate'],'sub':'u',"
                      "'exp':1643706060}"),
                nine_oclock);
}

static void a_caller_of_no_group_passes_and_may_nothing(void **state)
{
    static const char *const claims[] = {
        "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060}",
        "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060,'groups':[]}",
        "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060,'groups':['runtimeadmin','admin']}",
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct caller caller = { .admin = true, .oper = true };

        assert_true(auth_check(bench->auth, token(bench->rsa, "RS256", "rsa", claims[i]), nine_oclock, &caller, NULL));
        assert_false(caller.admin);
        assert_false(caller.oper);
        assert_string_equal(caller.email, "");
    }
}

static void clocks_may_differ_by_half_a_minute(void **state)
{
    struct bench *bench = *state;
    const char *early = "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643709999,'nbf':1643706029}";

    then_passes(bench, token(bench->rsa, "RS256", "rsa", good), nine_oclock + 89999);
    then_passes(bench, token(bench->rsa, "RS256", "rsa", early), nine_oclock);
}

static void the_scheme_is_matched_in_any_case(void **state)
{
    struct bench *bench = *state;
    char header[HEADER_SIZE];

    snprintf(header, sizeof header, "bearer  %s ", token(bench->rsa, "RS256", "rsa", good) + 7);
    then_passes(bench, header, nine_oclock);
}

/* --- What does not --- */

static void wrong_claims_are_refused(void **state)
{
    static const struct {
        const char *claims, *want;
    } rows[] = {
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643705969}", "has expired" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u'}", "never expires" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':'1643706060'}", "exp is not a time" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1e300}", "exp is not a time" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':-1}", "exp is not a time" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643709999,'nbf':1643706031}", "not valid yet" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643709999,'nbf':'x'}", "nbf is not a time" },
        { "{'iss':'https://other','aud':'tidegate','sub':'u','exp':1643706060}", "issuer is not https://issuer" },
        { "{'iss':'https://issuer/','aud':'tidegate','sub':'u','exp':1643706060}", "issuer is not" },
        { "{'aud':'tidegate','sub':'u','exp':1643706060}", "issuer is not" },
        { "{'iss':'https://issuer','aud':'other','sub':'u','exp':1643706060}", "audience is not tidegate" },
        { "{'iss':'https://issuer','aud':['a','b'],'sub':'u','exp':1643706060}", "audience is not tidegate" },
        { "{'iss':'https://issuer','aud':{'a':'tidegate'},'sub':'u','exp':1643706060}", "audience is not tidegate" },
        { "{'iss':'https://issuer','sub':'u','exp':1643706060}", "audience is not tidegate" },
        { "{'iss':'https://issuer','aud':'tidegate','exp':1643706060}", "no subject" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'','exp':1643706060}", "no subject" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','email':1,'exp':1643706060}", "email" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060,'groups':'runtimeAdmin'}", "groups" },
        { "{'iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060,'groups':[1]}", "groups" },
        { "{'iss':'x','iss':'https://issuer','aud':'tidegate','sub':'u','exp':1643706060}", "not a JSON object" },
        { "['https://issuer']", "not a JSON object" },
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        then_refused(bench, token(bench->rsa, "RS256", "rsa", rows[i].claims), rows[i].want);
}

static void wrong_headers_are_refused(void **state)
{
    struct bench *bench = *state;
    char basic[64] = "Basic dTpw", huge[AUTH_TOKEN_SIZE_MAX + 16] = "Bearer ";

    then_refused(bench, NULL, "no Authorization header");
    then_refused(bench, "", "not \"Bearer <token>\"");
    then_refused(bench, basic, "not \"Bearer <token>\"");
    then_refused(bench, "Bearer", "not \"Bearer <token>\"");
    then_refused(bench, "Bearer ", "not \"Bearer <token>\"");
    then_refused(bench, "Bearer a b", "not \"Bearer <token>\"");
    then_refused(bench, "Bearer abc", "not a JWT");
    then_refused(bench, "Bearer a.b.c", "not a JWT");
    then_refused(bench, "Bearer ..", "not a JWT");
    memset(huge + 7, 'a', AUTH_TOKEN_SIZE_MAX + 1);
    then_refused(bench, huge, "more than 16384 bytes");
}

static void a_signature_of_another_key_is_refused(void **state)
{
    struct bench *bench = *state;

    then_refused(bench, token(bench->stranger, "RS256", "rsa", good), "signature is wrong");
}

static void a_changed_token_is_refused(void **state)
{
    struct bench *bench = *state;
    char header[HEADER_SIZE], *claims;

    snprintf(header, sizeof header, "%s", token(bench->rsa, "RS256", "rsa", good));
    then_passes(bench, header, nine_oclock);
    claims = strchr(header, '.') + 5;
    *claims = *claims == 'A' ? 'B' : 'A';
    then_refused(bench, header, "signature is wrong");
}

static void an_unknown_key_is_refused(void **state)
{
    struct bench *bench = *state;

    then_refused(bench, token(bench->rsa, "RS256", "other", good), "key set does not have");
    then_refused(bench, token(bench->rsa, "RS256", NULL, good), "does not name its key");
}

static void hs256_with_the_public_key_as_secret_is_refused(void **state)
{
    struct bench *bench = *state;
    cjose_jwk_t *secret = cjose_jwk_create_oct_spec((const uint8_t *)bench->jwks_text, strlen(bench->jwks_text), NULL);

    then_refused(bench, token(secret, "HS256", "rsa", good), "neither RS256 nor ES256");
    cjose_jwk_release(secret);
}

static void other_algorithms_are_refused(void **state)
{
    struct bench *bench = *state;

    then_refused(bench, token(bench->rsa, "RS512", "rsa", good), "neither RS256 nor ES256");
    then_refused(bench, token(bench->rsa, "PS256", "rsa", good), "neither RS256 nor ES256");
    then_refused(bench, token(bench->ec, "ES256", "rsa", good), "not that of its key");
    then_refused(bench, token(bench->rsa, "RS256", "ec", good), "not that of its key");
}

/* An unsigned token, as an attacker would put it together. */
static void unsigned_with(struct bench *bench, const char *head, const char *want)
{
    char header[HEADER_SIZE], *parts[2];
    size_t size;

    assert_true(cjose_base64url_encode((const uint8_t *)head, strlen(head), &parts[0], &size, NULL));
    assert_true(cjose_base64url_encode((const uint8_t *)"{}", 2, &parts[1], &size, NULL));
    snprintf(header, sizeof header, "Bearer %s.%s.", parts[0], parts[1]);
    then_refused(bench, header, want);
    snprintf(header, sizeof header, "Bearer %s.%s.AAAA", parts[0], parts[1]);
    then_refused(bench, header, want);
    free(parts[0]);
    free(parts[1]);
}

static void tokens_without_signature_are_refused(void **state)
{
    struct bench *bench = *state;

    unsigned_with(bench, "{\"alg\":\"none\",\"kid\":\"rsa\"}", "neither RS256 nor ES256");
    unsigned_with(bench, "{\"alg\":\"None\",\"kid\":\"rsa\"}", "neither RS256 nor ES256");
    unsigned_with(bench, "{\"kid\":\"rsa\"}", "neither RS256 nor ES256");
    unsigned_with(bench, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"b64\"]}", "crit");
    unsigned_with(bench, "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"rsa\"}", "not a JWT");
    unsigned_with(bench, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "the token");
}

/* --- Remembered tokens --- */

static void a_remembered_token_still_expires(void **state)
{
    struct bench *bench = *state;
    const char *header = token(bench->rsa, "RS256", "rsa", good);
    struct error err = { .code = ERROR_NONE };
    struct caller caller;

    then_passes(bench, header, nine_oclock);
    then_passes(bench, header, nine_oclock + 1);
    assert_false(auth_check(bench->auth, header, nine_oclock + 90000, &caller, &err));
    assert_string_equal(err.message, "the token has expired");
}

static void more_tokens_than_can_be_remembered_still_pass(void **state)
{
    struct bench *bench = *state;
    char claims[256];

    for (int i = 0; i < AUTH_CACHE_COUNT_MAX + 10; i++) {
        snprintf(claims, sizeof claims, "{'iss':'https://issuer','aud':'tidegate','sub':'u%d','exp':1643706060}", i);
        then_passes(bench, token(bench->ec, "ES256", "ec", claims), nine_oclock);
    }
}

/* --- Keys --- */

static void a_new_key_in_the_file_is_found_and_the_old_one_is_void(void **state)
{
    struct bench *bench = *state;
    cjose_jwk_t *next = rsa_new("next");
    char *text = key_set_text(next, bench->ec), temporary[PATH_SIZE + 8], old[HEADER_SIZE];

    snprintf(old, sizeof old, "%s", token(bench->rsa, "RS256", "rsa", good));
    then_passes(bench, old, nine_oclock);
    snprintf(temporary, sizeof temporary, "%s.new", bench->jwks);
    write_text(temporary, text);
    assert_int_equal(rename(temporary, bench->jwks), 0);
    then_passes(bench, token(next, "RS256", "next", good), nine_oclock);
    then_refused(bench, old, "key set does not have");
    free(text);
    cjose_jwk_release(next);
}

static void a_broken_file_leaves_the_keys_as_they_were(void **state)
{
    struct bench *bench = *state;

    write_text(bench->jwks, "{\"keys\":[]}");
    then_refused(bench, token(bench->rsa, "RS256", "other", good), "key set does not have");
    then_passes(bench, token(bench->rsa, "RS256", "rsa", good), nine_oclock);
}

static void without_keys_it_is_unavailable_until_the_file_comes(void **state)
{
    struct bench *bench = *state;
    struct error err = { .code = ERROR_NONE };
    struct caller caller;

    auth_free(bench->auth);
    unlink(bench->jwks);
    bench->auth = auth_for(NULL, bench->jwks);
    assert_false(auth_ready(bench->auth));
    assert_false(auth_check(bench->auth, token(bench->rsa, "RS256", "rsa", good), nine_oclock, &caller, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    write_text(bench->jwks, bench->jwks_text);
    assert_true(auth_ready(bench->auth));
    then_passes(bench, token(bench->rsa, "RS256", "rsa", good), nine_oclock);
}

static void settings_that_would_accept_anything_are_refused(void **state)
{
    struct error err = { .code = ERROR_NONE };

    (void)state;
    assert_null(auth_new(NULL, &(struct auth_options){ .issuer = "", .audience = "a", .jwks = "f" }, &err));
    assert_null(auth_new(NULL, &(struct auth_options){ .issuer = "i", .audience = "", .jwks = "f" }, &err));
    assert_null(auth_new(NULL, &(struct auth_options){ .issuer = "i", .audience = "a" }, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void keys_that_cannot_verify_are_passed_over(void **state)
{
    static const char *const texts[] = {
        "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"rsa\",\"k\":\"c2VjcmV0\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", /* 17 bits */
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}, 7, null]}",
        "{\"keys\":{}}",
        "[]",
        "7",
        "",
        "{",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error err = { .code = ERROR_NONE };

        assert_null(key_set_parse(texts[i], strlen(texts[i]), &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

/* --- Keys from a URL --- */

struct issuer {
    struct event_base *base;
    struct evhttp *http;
    const char *text;
    int asked, status;
    char url[64];
};

static void on_request(struct evhttp_request *request, void *context)
{
    struct issuer *issuer = context;
    struct evbuffer *body = evbuffer_new();

    issuer->asked++;
    evbuffer_add(body, issuer->text, strlen(issuer->text));
    evhttp_send_reply(request, issuer->status, "", body);
    evbuffer_free(body);
}

static void issuer_open(struct issuer *issuer)
{
    struct evhttp_bound_socket *bound;
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    issuer->base = event_base_new();
    issuer->http = evhttp_new(issuer->base);
    bound = evhttp_bind_socket_with_handle(issuer->http, "127.0.0.1", 0);
    assert_non_null(bound);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size);
    snprintf(issuer->url, sizeof issuer->url, "http://127.0.0.1:%d/keys", ntohs(address.sin_port));
    evhttp_set_gencb(issuer->http, on_request, issuer);
}

static void issuer_close(struct issuer *issuer)
{
    evhttp_free(issuer->http);
    event_base_free(issuer->base);
}

/* Runs the loop until the issuer was asked `times` times and the answers are in, a minute at most. */
static void run_until(struct issuer *issuer, struct auth *auth, int times, bool ready)
{
    for (int i = 0; i < 60000 && (issuer->asked < times || auth_ready(auth) != ready); i++) {
        event_base_loop(issuer->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    assert_true(issuer->asked >= times);
    assert_true(auth_ready(auth) == ready);
}

static void keys_come_from_a_url_without_blocking(void **state)
{
    struct bench *bench = *state;
    struct issuer issuer = { .text = bench->jwks_text, .status = 200 };
    struct error err = { .code = ERROR_NONE };
    struct caller caller;

    issuer_open(&issuer);
    auth_free(bench->auth);
    bench->auth = auth_for(issuer.base, issuer.url);
    assert_false(auth_check(bench->auth, token(bench->rsa, "RS256", "rsa", good), nine_oclock, &caller, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    run_until(&issuer, bench->auth, 1, true);
    then_passes(bench, token(bench->rsa, "RS256", "rsa", good), nine_oclock);
    for (int i = 0; i < 100; i++) { /* made-up kids do not make us ask again and again */
        then_refused(bench, token(bench->ec, "ES256", "made-up", good), "key set does not have");
        event_base_loop(issuer.base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(issuer.asked, 1);
    auth_free(bench->auth);
    bench->auth = NULL;
    issuer_close(&issuer);
}

static void a_failing_url_is_asked_again(void **state)
{
    struct bench *bench = *state;
    struct issuer issuer = { .text = bench->jwks_text, .status = 500 };

    issuer_open(&issuer);
    auth_free(bench->auth);
    bench->auth = auth_for(issuer.base, issuer.url);
    run_until(&issuer, bench->auth, 1, false);
    issuer.status = 200;
    run_until(&issuer, bench->auth, 2, true);
    auth_free(bench->auth);
    bench->auth = NULL;
    issuer_close(&issuer);
}

static void an_open_fetch_can_be_abandoned(void **state)
{
    struct bench *bench = *state;
    struct issuer issuer = { .text = "", .status = 200 };

    issuer_open(&issuer);
    auth_free(bench->auth);
    bench->auth = auth_for(issuer.base, issuer.url);
    event_base_loop(issuer.base, EVLOOP_NONBLOCK);
    auth_free(bench->auth);
    bench->auth = NULL;
    issuer_close(&issuer);
}

/* --- Development tokens --- */

static void development_tokens_pass_with_their_keys(void **state)
{
    static const char *const groups[] = { "runtimeOperator" };
    struct bench *bench = *state;
    char folder[PATH_SIZE], path[PATH_SIZE + 16], header[HEADER_SIZE], *signed_token, *again;
    const struct dev_token claims = { .issuer = "https://issuer",
                                      .audience = "tidegate",
                                      .subject = "developer",
                                      .groups = groups,
                                      .group_count = 1,
                                      .now_ms = nine_oclock,
                                      .lifetime_ms = DEV_TOKEN_LIFETIME_MS };
    struct error err = { .code = ERROR_NONE };
    struct caller caller;
    struct stat status;

    snprintf(folder, sizeof folder, "%s/run/oidc", bench->folder);
    assert_null(dev_token_sign(folder, &claims, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(dev_keys_make(folder, NULL));
    signed_token = dev_token_sign(folder, &claims, NULL);
    assert_true(dev_keys_make(folder, NULL)); /* changes nothing */
    again = dev_token_sign(folder, &claims, NULL);
    assert_string_equal(signed_token, again);
    snprintf(path, sizeof path, "%s/key.pem", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    unlink(path);
    snprintf(path, sizeof path, "%s/jwks.json", folder);
    auth_free(bench->auth);
    bench->auth = auth_for(NULL, path);
    snprintf(header, sizeof header, "Bearer %s", signed_token);
    assert_true(auth_check(bench->auth, header, nine_oclock + DEV_TOKEN_LIFETIME_MS, &caller, NULL));
    assert_string_equal(caller.subject, "developer");
    assert_false(caller.admin);
    assert_true(caller.oper);
    unlink(path);
    rmdir(folder);
    *strrchr(folder, '/') = '\0';
    rmdir(folder);
    free(signed_token);
    free(again);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH(a_good_token_names_its_caller),
        BENCH(a_caller_is_known_until_its_token_is_refused),
        BENCH(es256_passes_too),
        BENCH(one_of_several_audiences_is_enough),
        BENCH(a_caller_of_no_group_passes_and_may_nothing),
        BENCH(clocks_may_differ_by_half_a_minute),
        BENCH(the_scheme_is_matched_in_any_case),
        BENCH(wrong_claims_are_refused),
        BENCH(wrong_headers_are_refused),
        BENCH(a_signature_of_another_key_is_refused),
        BENCH(a_changed_token_is_refused),
        BENCH(an_unknown_key_is_refused),
        BENCH(hs256_with_the_public_key_as_secret_is_refused),
        BENCH(other_algorithms_are_refused),
        BENCH(tokens_without_signature_are_refused),
        BENCH(a_remembered_token_still_expires),
        BENCH(more_tokens_than_can_be_remembered_still_pass),
        BENCH(a_new_key_in_the_file_is_found_and_the_old_one_is_void),
        BENCH(a_broken_file_leaves_the_keys_as_they_were),
        BENCH(without_keys_it_is_unavailable_until_the_file_comes),
        cmocka_unit_test(settings_that_would_accept_anything_are_refused),
        cmocka_unit_test(keys_that_cannot_verify_are_passed_over),
        BENCH(keys_come_from_a_url_without_blocking),
        BENCH(a_failing_url_is_asked_again),
        BENCH(an_open_fetch_can_be_abandoned),
        BENCH(development_tokens_pass_with_their_keys),
    };

    return cmocka_run_group_tests_name("auth", tests, keys_make, keys_forget);
}
