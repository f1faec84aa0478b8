// reference.js - what graphql-js says to a case: { query, operationName, variables, root }.
'use strict';

const graphql = require('graphql');
const { isBound } = require('./data.js');

// Where a null spreads, graphql-js lets go of promises that fail later.
process.on('unhandledRejection', (error) => {
    if (!(error instanceof graphql.GraphQLError)) throw error;
});

const places = (error) => (error.locations ?? []).map(({ line, column }) => `${line}:${column}`);
const ruleName = (rule) => rule.name.replace(/Rule$/, '');
const RULES = graphql.specifiedRules.map(ruleName);

function isPlainObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function buildSchema(text) {
    const schema = graphql.buildSchema(text);

    // Without this whatever is not null would be an object of any type.
    for (const type of Object.values(schema.getTypeMap()))
        if (graphql.isObjectType(type) && !type.name.startsWith('__')) type.isTypeOf = isPlainObject;
    return schema;
}

// One walk for all rules; each error is reported through a context that knows whose it is.
function validate(schema, document) {
    const found = [];
    const rules = graphql.specifiedRules.map(
        (rule) => (context) =>
            rule(
                Object.create(context, {
                    reportError: {
                        value: (error) =>
                            void found.push({ rule: ruleName(rule), message: error.message, locations: places(error) }),
                    },
                }),
            ),
    );

    graphql.validate(schema, document, rules, { maxErrors: Infinity });
    return found;
}

function failure(value) {
    return new graphql.GraphQLError(value.$error, { extensions: value.extensions });
}

function outcome(value) {
    if (isPlainObject(value) && '$error' in value) throw failure(value);
    return value;
}

function resolver(calls) {
    return (source, args, context, info) => {
        const value = isPlainObject(source) ? source[info.fieldName] : undefined;

        if (!isBound(info.parentType, info.parentType.getFields()[info.fieldName])) return value;
        calls.push([info.fieldName, args]);
        if (isPlainObject(value) && '$later' in value)
            return new Promise((done) => setImmediate(done)).then(() => outcome(value.$later));
        return outcome(value);
    };
}

async function execute(schema, document, given) {
    const calls = [];
    const result = await graphql.execute({
        schema,
        document,
        rootValue: given.root,
        operationName: given.operationName,
        variableValues: given.variables,
        fieldResolver: resolver(calls),
        typeResolver: (value) => (isPlainObject(value) ? value.__typename : undefined),
    });

    return { result: JSON.parse(JSON.stringify(result)), calls };
}

async function answer(schema, given) {
    let document;

    try {
        document = graphql.parse(given.query);
    } catch (error) {
        return { invalid: [{ rule: 'syntax', message: error.message, locations: places(error) }] };
    }
    const invalid = validate(schema, document);
    return invalid.length > 0 ? { invalid, document } : { ...(await execute(schema, document, given)), document };
}

module.exports = { answer, validate, buildSchema, isPlainObject, RULES };
