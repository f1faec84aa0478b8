// graphql_engine.js - the same as graphql_engine.c with graphql-js.
//
//     node graphql_engine.js SCHEMA DOCUMENT VALUES anew|cached
//
// Warmed up until the compiler has done its work; then the best of ROUNDS. Serialising the answer is part of it, as
// there.
'use strict';

const fs = require('node:fs');
const { buildSchema, parse, validate, execute } = require('graphql');

const ROUNDS = 5,
    ROUND_MS = 700,
    WARM_UP_MS = 2500;

const [schemaPath, documentPath, valuesPath, mode] = process.argv.slice(2);
const schema = buildSchema(fs.readFileSync(schemaPath, 'utf8'));
const text = fs.readFileSync(documentPath, 'utf8');
const values = JSON.parse(fs.readFileSync(valuesPath, 'utf8'));
const rootValue = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, () => value]));
const cache = new Map();
let answered = 0;

function prepared() {
    const document = parse(text);
    const errors = validate(schema, document);

    if (errors.length > 0) throw errors[0];
    return document;
}

function found() {
    if (!cache.has(text)) cache.set(text, prepared());
    return cache.get(text);
}

function operate() {
    const result = execute({ schema, document: mode === 'cached' ? found() : prepared(), rootValue });

    if (result.errors) throw result.errors[0];
    answered += JSON.stringify(result).length;
}

function round(limitMs) {
    const begin = performance.now();
    let end = begin;
    let count = 0;

    for (; end - begin < limitMs; end = performance.now(), count += 16) for (let i = 0; i < 16; i++) operate();
    return ((end - begin) * 1000) / count;
}

round(WARM_UP_MS);
const best = Math.min(...Array.from({ length: ROUNDS }, () => round(ROUND_MS)));
console.log(JSON.stringify({ operations: Math.round(1e6 / best), us: best, bytes: answered > 0 ? text.length : 0 }));
