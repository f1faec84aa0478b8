// compare.js - is what the library answered the same as what graphql-js says?
//
// Each function gives undefined, or a text that tells the difference.
'use strict';

const graphql = require('graphql');

const LOCATIONS_MAX = 32; // that the library keeps of one error
const RESOLVER_TEXTS = new Set(['broken', 'ünïcödé "quoted"', 'with more']);

function missing(from, other) {
    const rest = [...other];

    return from.filter((item) => {
        const at = rest.indexOf(item);
        if (at >= 0) rest.splice(at, 1);
        return at < 0;
    });
}

function multisets(theirs, ours, what) {
    const lost = missing(theirs, ours);
    const extra = missing(ours, theirs);

    if (lost.length + extra.length === 0) return undefined;
    const lines = [...lost.map((item) => '- ' + item), ...extra.map((item) => '+ ' + item)];
    return `${what}: ${lines.slice(0, 8).join('\n    ')}`;
}

// --- Documents that are not valid ---

function invalidKey(error) {
    return `${error.rule} at ${error.locations.slice(0, LOCATIONS_MAX).sort().join(' ')}`;
}

function invalidDiffers(theirs, ours) {
    if (!ours.invalid) return `- ${theirs.invalid.map(invalidKey)}\n    + it is valid`;
    return multisets(theirs.invalid.map(invalidKey), ours.invalid.map(invalidKey), 'errors');
}

// --- Executions ---

function errorKey(error) {
    const places = (error.locations ?? [])
        .slice(0, LOCATIONS_MAX)
        .map(({ line, column }) => `${line}:${column}`)
        .sort();
    const text = RESOLVER_TEXTS.has(error.message) ? ' ' + error.message : '';

    const extensions = JSON.stringify(error.extensions ?? {});

    return `${JSON.stringify(error.path ?? null)} at ${places.join(' ')}${text} ${extensions}`;
}

// The part of `path` at which data is null.
function nullAt(data, path) {
    let value = data;
    let depth = 0;

    while (value !== null && value !== undefined && depth < path.length) value = value[path[depth++]];
    return { key: JSON.stringify(path.slice(0, depth)), spread: depth < path.length };
}

function grouped(data, errors) {
    const groups = new Map();

    for (const error of errors ?? []) {
        const { key, spread } = nullAt(data, error.path ?? []);
        const group = groups.get(key) ?? { spread: false, errors: [] };
        group.spread ||= spread;
        group.errors.push(errorKey(error));
        groups.set(key, group);
    }
    return groups;
}

// Where a null spreads upwards, siblings may or may not have been executed and may or may not have failed: the two need
// to have one error there in common, or both one where resolvers end later. Everywhere else they have all.
function errorsDiffer(data, theirs, ours, isLater) {
    const a = grouped(data, theirs);
    const b = grouped(data, ours);

    for (const key of new Set([...a.keys(), ...b.keys()])) {
        const left = a.get(key) ?? { errors: [] };
        const right = b.get(key) ?? { errors: [] };
        const loose = left.spread || right.spread;
        if (loose && left.errors.some((error) => (isLater ? right.errors.length > 0 : right.errors.includes(error))))
            continue;
        const found = multisets(left.errors, right.errors, `errors at ${key}`);
        if (found) return found;
    }
    return undefined;
}

// Response keys of __schema and __type: what is below them is listed in another order, so that indexes say nothing.
function introspectionKeys(document) {
    const keys = new Set();

    graphql.visit(document, {
        Field: (node) => {
            if (node.name.value === '__schema' || node.name.value === '__type')
                keys.add((node.alias ?? node.name).value);
        },
    });
    return keys;
}

function introspectionErrorsDiffer(theirs, ours) {
    const unplaced = (error) => errorKey({ ...error, path: error.path.filter((step) => typeof step === 'string') });
    const unique = (errors) => [...new Set(errors.map(unplaced))];

    return multisets(unique(theirs), unique(ours), 'errors');
}

function allErrorsDiffer(theirs, ours, isLater) {
    const keys = introspectionKeys(theirs.document);
    const of = (answer, wanted) => (answer.result.errors ?? []).filter((e) => keys.has(e.path?.[0]) === wanted);

    return (
        errorsDiffer(theirs.result.data, of(theirs, false), of(ours, false), isLater) ??
        introspectionErrorsDiffer(of(theirs, true), of(ours, true))
    );
}

const spreads = (result) => (result.errors ?? []).some((error) => nullAt(result.data, error.path ?? []).spread);

function sorted(value) {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
        Object.keys(value)
            .sort()
            .map((key) => [key, sorted(value[key])]),
    );
}

// Types and directives are listed in another order.
function unordered(value) {
    if (Array.isArray(value))
        return value.map(unordered).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unordered(inner)]));
}

function resultDiffers(given, theirs, ours) {
    const introspects = /__schema|__type\b/.test(given.query);
    const text = (data) => JSON.stringify(introspects ? unordered(data) : data);
    const isLater = JSON.stringify(given.root ?? null).includes('"$later"');
    const calls = (list) => list.map((call) => JSON.stringify(sorted(call)));

    if (!('data' in theirs.result)) {
        if ('data' in ours.result) return '- refused\n    + executed';
        return multisets(theirs.result.errors.map(errorKey), ours.result.errors.map(errorKey), 'errors of the request');
    }
    if (text(theirs.result.data) !== text(ours.result.data)) return 'data';
    return (
        allErrorsDiffer(theirs, ours, isLater) ??
        (spreads(theirs.result) ? undefined : multisets(calls(theirs.calls), calls(ours.calls), 'arguments'))
    );
}

// An operation whose root type the schema has not is an error of the request: there is no data, where graphql-js says
// null.
function lacksRoot(theirs, ours) {
    const errors = theirs.result?.errors ?? [];

    return (
        errors[0]?.message.startsWith('Schema is not configured to execute') &&
        !('data' in (ours.result ?? { data: null })) &&
        multisets(errors.map(errorKey), ours.result.errors.map(errorKey), 'errors') === undefined
    );
}

function differs(given, theirs, ours) {
    if (ours.crashed) return `+ the program ended: ${ours.crashed}`;
    if (theirs.invalid) return invalidDiffers(theirs, ours);
    if (lacksRoot(theirs, ours)) return undefined;
    if (ours.invalid)
        return `- it is valid\n    + ${ours.invalid.map((e) => `${invalidKey(e)}: ${e.message}`).join('\n    + ')}`;
    return resultDiffers(given, theirs, ours);
}

// --- The whole introspection ---

// Descriptions of builtin things are in everybody's own words.
function canonical(data) {
    const byName = (a, b) => (a.name < b.name ? -1 : 1);
    const { types, directives, ...rest } = structuredClone(data.__schema);
    const mute = (value) => {
        if (typeof value !== 'object' || value === null) return;
        delete value.description;
        Object.values(value).forEach(mute);
    };

    for (const type of types)
        if (type.name.startsWith('__') || ['Int', 'Float', 'String', 'Boolean', 'ID'].includes(type.name)) mute(type);
    for (const directive of directives)
        if (['include', 'skip', 'deprecated', 'specifiedBy', 'oneOf'].includes(directive.name)) mute(directive);
    for (const type of types) type.possibleTypes?.sort(byName);
    return { ...rest, types: types.sort(byName), directives: directives.sort(byName) };
}

function firstDifference(a, b, path) {
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
        return a === b ? undefined : `${path}: - ${JSON.stringify(a)} + ${JSON.stringify(b)}`;
    if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length)
        return `${path}: - ${JSON.stringify(a.map((x) => x.name ?? x))} + ${JSON.stringify(b.map((x) => x.name ?? x))}`;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const found = firstDifference(a[key], b[key], `${path}.${a[key]?.name ?? key}`);
        if (found) return found;
    }
    return undefined;
}

function introspectionDiffers(theirs, ours) {
    if (!ours.result?.data?.__schema) return `+ ${JSON.stringify(ours).slice(0, 400)}`;
    return firstDifference(canonical(theirs.result.data), canonical(ours.result.data), '__schema');
}

module.exports = { differs, introspectionDiffers };
