// shrink.js - makes a case smaller as long as it stays a case of a difference.
'use strict';

const graphql = require('graphql');
const { wellFormed } = require('./text.js');

const TRIES_MAX = 400;

// Every list of nodes in a tree, the outermost first.
function lists(document) {
    const found = [];

    graphql.visit(document, {
        enter(node) {
            for (const key of [
                'definitions',
                'selections',
                'arguments',
                'directives',
                'variableDefinitions',
                'fields',
                'values',
            ])
                if (Array.isArray(node[key])) found.push([node, key]);
        },
    });
    return found;
}

function parsed(query) {
    try {
        return graphql.parse(query, { noLocation: true });
    } catch {
        return undefined;
    }
}

async function shrinkText(given, stillDiffers) {
    let tries = 0;

    for (let size = given.query.length >> 1; size > 0; size >>= 1) {
        for (let at = 0; at < given.query.length && tries++ < TRIES_MAX;) {
            const smaller = { ...given, query: wellFormed(given.query.slice(0, at) + given.query.slice(at + size)) };
            if (await stillDiffers(smaller)) given = smaller;
            else at += size;
        }
    }
    return given;
}

async function shrinkTree(given, stillDiffers) {
    const read = () => graphql.parse(given.query, { noLocation: true });
    let tries = 0;
    let before;

    do {
        before = given.query;
        for (let i = 0; i < lists(read()).length && tries < TRIES_MAX; i++) {
            for (let j = 0; tries < TRIES_MAX;) {
                const document = read();
                const [node, key] = lists(document)[i] ?? [];
                if (!node || j >= node[key].length) break;
                node[key] = node[key].filter((_, at) => at !== j);
                tries++;
                const smaller = { ...given, query: graphql.print(document) };
                if (parsed(smaller.query) && (await stillDiffers(smaller))) given = smaller;
                else j++;
            }
        }
    } while (given.query !== before);
    return given;
}

// Values that are not needed: whole members of variables and data.
async function shrinkData(given, stillDiffers) {
    for (const key of ['variables', 'operationName']) {
        const { [key]: _, ...smaller } = given;
        if (await stillDiffers(smaller)) given = smaller;
    }
    for (const member of Object.keys(given.root ?? {})) {
        const { [member]: _, ...root } = given.root;
        if (await stillDiffers({ ...given, root })) given = { ...given, root };
    }
    return given;
}

async function shrink(given, stillDiffers) {
    if (!parsed(given.query)) return shrinkText(given, stillDiffers);
    const printed = { ...given, query: graphql.print(graphql.parse(given.query)) };
    const start = (await stillDiffers(printed)) ? printed : given;
    return shrinkData(await shrinkTree(start, stillDiffers), stillDiffers);
}

module.exports = { shrink };
