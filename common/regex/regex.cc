extern "C" {
#include "common/base/error.h"
}
#include "common/regex/regex.h"

#include <re2/re2.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

struct regex {
    regex(const char *pattern, const RE2::Options &options) : compiled(pattern, options) {}
    RE2 compiled;
};

static RE2::Options options_bounded()
{
    RE2::Options options;

    options.set_log_errors(false); /* standard error is for our own log */
    options.set_max_mem(REGEX_MEMORY_MAX);
    return options;
}

static size_t characters_in(const std::string &text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += (text[i] & 0xc0) != 0x80; /* bytes that continue a UTF-8 character do not count */
    return count;
}

/* How the first `size` bytes of a pattern are read, with no room to compile them: that takes milliseconds of a large
 * one, and says nothing of where it is wrong. */
static RE2::Options options_read_only()
{
    RE2::Options options = options_bounded();

    options.set_max_mem(64); /* RE2 takes two thirds of less than two bytes for no bound */
    return options;
}

/* The first of 0 to `last` from which on `is_fault` holds; it holds for `last`. RE2 reads from the left and stops at the
 * first fault, so whatever begins with it is refused in the same way. */
template <typename Test> static size_t first_fault(size_t last, Test is_fault)
{
    size_t low = 0;

    while (low < last) {
        const size_t middle = low + (last - low) / 2;

        if (is_fault(middle))
            last = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Where the part stands that RE2 complains about: it gives its text alone. */
static size_t place_of_part(const std::string &pattern, const RE2 &compiled)
{
    const std::string &part = compiled.error_arg();
    std::vector<size_t> places;

    for (size_t at = pattern.find(part); at != std::string::npos; at = pattern.find(part, at + 1))
        places.push_back(at);
    if (places.empty())
        return 0;
    return places[first_fault(places.size() - 1, [&](size_t index) {
        const RE2 begin(pattern.substr(0, places[index] + part.size()), options_read_only());

        return begin.error_code() == compiled.error_code() && begin.error_arg() == part;
    })];
}

/* The last byte of the shortest beginning that is refused with the same code. */
static size_t place_of_first(const std::string &pattern, RE2::ErrorCode code)
{
    return first_fault(pattern.size() - 1, [&](size_t last) {
        return RE2(pattern.substr(0, last + 1), options_read_only()).error_code() == code;
    });
}

/* The byte at which a pattern that is refused goes wrong. */
static size_t place_of_fault(const std::string &pattern, const RE2 &compiled)
{
    switch (compiled.error_code()) {
    case RE2::ErrorMissingParen: return pattern.size(); /* there it is missing */
    case RE2::ErrorUnexpectedParen: return place_of_first(pattern, compiled.error_code());
    case RE2::ErrorTrailingBackslash: return pattern.size() - 1;
    default: return compiled.error_arg().empty() ? 0 : place_of_part(pattern, compiled);
    }
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
    const std::string &pattern = compiled.pattern();

    error_set(err, ERROR_INPUT, "invalid pattern \"%s\": %s, at character %zu", quoted(pattern).c_str(),
              quoted(compiled.error()).c_str(), characters_in(pattern, place_of_fault(pattern, compiled)) + 1);
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

size_t regex_size(const struct regex *regex)
{
    return static_cast<size_t>(regex->compiled.ProgramSize());
}

/* Where the fast engine finds no room, RE2 goes on with a slower one that needs no more: it never answers "no match" for
 * lack of memory. */
bool regex_matches(const struct regex *regex, const char *text)
{
    re2::StringPiece piece(text);

    return regex->compiled.Match(piece, 0, piece.size(), RE2::UNANCHORED, nullptr, 0);
}
