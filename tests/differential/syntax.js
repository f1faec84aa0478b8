// syntax.js - breaks the text of a document; sometimes it is still one.
'use strict';

const { wellFormed } = require('./text.js');

const ODD_TEXT = [
    '"',
    '"""',
    '\\',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    '!',
    '$',
    '&',
    '..',
    '...',
    '....',
    ':',
    '=',
    '@',
    '|',
    '.',
    '?',
    '%',
    '~',
    '\u0000',
    '\u0007',
    '\ufeff',
    'é',
    '😀',
    '0',
    '01',
    '-',
    '1.',
    '1.5.',
    '1e',
    '1e+',
    '0x1',
    '.5',
    '5a',
    '00',
    '-01',
    'on',
    'fragment on on X { a }',
    'true',
    'null',
    '#',
    '"\\u12"',
    '"\\u{110000}"',
    '"\\uD800"',
    '"\\uDC00\\uD800"',
    '"\\u{}"',
    '"\\u{D800}"',
    '"\\q"',
    '"a\nb"',
    '"\\u{1F600}"',
    '"\\uD83D\\uDE00"',
    '""""""',
    '"""a\\"""b"""',
    '{}',
    '()',
    '[]',
    '$ a',
    '@ a',
    'query',
    'subscription',
    '"x" {a}',
    'query ($a: Int = $b) {a}',
    '{a(b: {c: $d, e: [$f]})}',
];

function breakSyntax(text, random) {
    const at = random.below(text.length + 1);
    const tokens = [...text.matchAll(/"(?:[^"\\\n]|\\.)*"|\.\.\.|[$@]?\w+|[^\s\w]/gu)];
    const token = tokens.length > 0 ? random.pick(tokens) : { index: 0, 0: '' };
    const other = tokens.length > 0 ? random.pick(tokens)[0] : '';
    const end = token.index + token[0].length;

    switch (random.below(6)) {
        case 0:
            return text.slice(0, token.index) + text.slice(end);
        case 1:
            return text.slice(0, end) + ' ' + token[0] + text.slice(end);
        case 2:
            return text.slice(0, token.index) + other + text.slice(end);
        case 3:
            return text.slice(0, token.index);
        case 4:
            return text.slice(0, token.index) + ' ' + random.pick(ODD_TEXT) + ' ' + text.slice(token.index);
        default:
            return wellFormed(text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(at));
    }
}

module.exports = { breakSyntax };
