/* place.h - where in a JSON text a value stands, for messages about files that people write. Pure. */
#ifndef TIDEGATE_JSON_PLACE_H
#define TIDEGATE_JSON_PLACE_H

/* The line, from 1 on, on which the value at `place`, such as "rules[2].match.plan", begins in `text`: valid JSON, closed
 * by a NUL. If not all of the place exists, of that part of it which does. */
int json_line_of(const char *text, const char *place);

#endif
