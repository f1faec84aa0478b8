extern "C" {
#include "common/base/error.h"
}
#include "common/regex/regex.h"

#include <re2/re2.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

struct regex {
    regex(const char *pattern, const RE2::Options &options) : compiled(pattern, options) {}
    RE2 compiled;
};

static RE2::Options options_bounded()
{
    RE2::Options options;

    options.set_log_errors(false); /* standard error is for our own log */
    options.set_never_capture(true);
    options.set_max_mem(REGEX_MEMORY_MAX);
    return options;
}

/* Where in the pattern the part stands that RE2 complains about: it gives the text alone, and reads from the left. */
static size_t character_of(const std::string &pattern, const std::string &part)
{
    size_t at = pattern.find(part);
    size_t character = 1;

    for (size_t i = 0; i < at && i < pattern.size(); i++)
        character += (pattern[i] & 0xc0) != 0x80; /* bytes that continue a UTF-8 character do not count */
    return character;
}

/* `text`, cut to what an error message has room for, between two UTF-8 characters. */
static std::string quoted(const std::string &text)
{
    size_t size = 160;

    if (text.size() <= size)
        return text;
    while (size > 0 && (text[size] & 0xc0) == 0x80)
        size--;
    return text.substr(0, size) + "...";
}

static void refuse(const RE2 &compiled, struct error *err)
{
    const std::string pattern = quoted(compiled.pattern()), why = quoted(compiled.error());

    if (compiled.error_arg().empty())
        error_set(err, ERROR_INPUT, "invalid pattern \"%s\": %s", pattern.c_str(), why.c_str());
    else
        error_set(err, ERROR_INPUT, "invalid pattern \"%s\": %s, at character %zu", pattern.c_str(), why.c_str(),
                  character_of(compiled.pattern(), compiled.error_arg()));
}

struct regex *regex_new(const char *pattern, struct error *err)
{
    static const RE2::Options options = options_bounded();
    size_t size = std::strlen(pattern);
    struct regex *regex;

    if (size > REGEX_PATTERN_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "invalid pattern \"%s\": it has %zu bytes, at most %d are allowed",
                  quoted(pattern).c_str(), size, static_cast<int>(REGEX_PATTERN_SIZE_MAX));
        return nullptr;
    }
    regex = new (std::nothrow) struct regex(pattern, options);
    if (regex == nullptr)
        std::abort();
    if (!regex->compiled.ok()) {
        refuse(regex->compiled, err);
        delete regex;
        return nullptr;
    }
    return regex;
}

void regex_free(struct regex *regex)
{
    delete regex;
}

bool regex_matches(const struct regex *regex, const char *text)
{
    re2::StringPiece piece(text);

    return regex->compiled.Match(piece, 0, piece.size(), RE2::UNANCHORED, nullptr, 0);
}
