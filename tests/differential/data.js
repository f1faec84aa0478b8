// data.js - values for a document: variables for its operation, and data for what it selects; right and wrong ones.
//
// In data { "$error": text } means that the resolver fails, { "$later": value } that it ends later; both only where a
// resolver is bound (isBound), as reply.c binds them.
'use strict';

const {
    isNonNullType,
    isListType,
    isEnumType,
    isInputObjectType,
    isAbstractType,
    isObjectType,
    isCompositeType,
    getNamedType,
    getNullableType,
    isRequiredInputField,
    doTypesOverlap,
    GraphQLNonNull,
} = require('graphql');
const { STRINGS } = require('./document.js');

const ODD_VALUES = [
    0,
    1,
    -3,
    2.5,
    2147483648,
    '',
    'odd',
    '12',
    true,
    false,
    [],
    ['x'],
    {},
    { x: 1 },
    null,
    [null],
    [[1]],
    1e300,
];

// Every field with arguments has a resolver, and most of the others: the rest takes the member of its name.
function isBound(type, field) {
    return field.args.length > 0 || (type.name.length + field.name.length) % 4 !== 0;
}

class ValueMaker {
    constructor(world, random, wrong) {
        this.world = world;
        this.schema = world.schema;
        this.random = random;
        this.wrong = wrong; // probability of a value that does not fit
    }

    leaf(type) {
        const { random } = this;

        if (isEnumType(type)) return random.pick(type.getValues()).name;
        switch (type.name) {
            case 'Int':
                return random.pick([0, 1, -1, 42, 2147483647, -2147483648]);
            case 'Float':
                return random.pick([0, 1, -1.5, 0.1, 1e21, 1e-7, 123456789.125, -7]);
            case 'Boolean':
                return random.chance(0.5);
            case 'ID':
                return random.pick(['1', 'id-2', '', '😀']);
            case 'String':
                return random.pick(STRINGS);
            default:
                return random.pick([0, 1.5, 'text', true, [1, [2, 'x']], { x: 1, y: { z: [null, 'ü'] } }, {}, []]);
        }
    }

    // --- Variables ---

    input(type, depth) {
        const { random } = this;

        if (random.chance(this.wrong)) return random.pick(ODD_VALUES);
        if (isNonNullType(type)) return this.inputOf(type.ofType, depth);
        return random.chance(0.12) ? null : this.inputOf(type, depth);
    }

    inputOf(type, depth) {
        const { random } = this;

        if (isListType(type)) {
            if (random.chance(0.15)) return this.inputOf(getNullableType(type.ofType), depth);
            return Array.from({ length: random.below(depth > 0 ? 4 : 2) }, () => this.input(type.ofType, depth - 1));
        }
        if (isInputObjectType(type)) return this.inputObject(type, depth);
        if (type.name === 'ID' && random.chance(0.2)) return random.pick([0, 7, -5, 9007199254740991]);
        return this.leaf(type);
    }

    inputObject(type, depth) {
        const { random } = this;
        const fields = Object.values(type.getFields());
        const object = {};
        let wanted = fields.filter(
            (f) =>
                isRequiredInputField(f) ||
                (random.chance(0.4) && (depth > 0 || !isInputObjectType(getNamedType(f.type)))),
        );

        if (type.isOneOf) {
            const flat = fields.filter((f) => depth > 0 || !isInputObjectType(getNamedType(f.type)));
            const f = random.pick(flat);
            if (!random.chance(this.wrong)) return { [f.name]: this.input(new GraphQLNonNull(f.type), depth - 1) };
        }
        if (random.chance(this.wrong)) wanted = wanted.slice(1);
        for (const f of random.shuffled(wanted)) object[f.name] = this.input(f.type, depth - 1);
        if (random.chance(this.wrong)) object[random.pick(['unknown', 'x', 'Name'])] = 1;
        return object;
    }

    variables(operation, known) {
        const { random } = this;
        const given = {};

        for (const definition of operation.variableDefinitions ?? []) {
            const text = definition.variable.name.value;
            const variable = known.get(text);
            const optional = variable === undefined || definition.defaultValue || !isNonNullType(variable.type);

            if (variable === undefined) continue;
            if (random.chance(optional ? 0.35 : this.wrong)) continue;
            given[text] = this.input(variable.type, 2);
        }
        if (random.chance(0.03)) given.notDefined = 1;
        return Object.keys(given).length > 0 || random.chance(0.5) ? given : undefined;
    }

    // --- Data ---

    // All fields that `sets` may ask of an object of `type`: name -> field nodes.
    collect(type, sets, fragments, found = new Map(), seen = new Set()) {
        for (const set of sets) {
            for (const selection of set.selections) {
                let inner = selection;
                if (selection.kind === 'Field') {
                    const list = found.get(selection.name.value);
                    if (list) list.push(selection);
                    else found.set(selection.name.value, [selection]);
                    continue;
                }
                if (selection.kind === 'FragmentSpread') {
                    inner = fragments.get(selection.name.value);
                    if (inner === undefined || seen.has(inner)) continue;
                    seen.add(inner);
                }
                const on = inner.typeCondition && this.schema.getType(inner.typeCondition.name.value);
                if (on && !(isCompositeType(on) && doTypesOverlap(this.schema, on, type))) continue;
                this.collect(type, [inner.selectionSet], fragments, found, seen);
            }
        }
        return found;
    }

    object(type, nodes, fragments) {
        const { random } = this;
        let concrete = type;
        const object = {};

        if (isAbstractType(type)) {
            const possible = this.schema.getPossibleTypes(type);
            if (possible.length === 0) return null;
            concrete = random.pick(possible);
            object.__typename = concrete.name;
            if (random.chance(this.wrong))
                object.__typename = random.pick([
                    type.name,
                    'Nothing',
                    '',
                    null,
                    5,
                    'String',
                    random.pick(this.world.composites).name,
                ]);
            if (random.chance(this.wrong)) delete object.__typename;
        }
        this.members(
            object,
            concrete,
            nodes.flatMap((n) => (n.selectionSet ? [n.selectionSet] : [])),
            fragments,
        );
        return object;
    }

    members(object, type, sets, fragments) {
        const { random } = this;

        for (const [text, nodes] of this.collect(type, sets, fragments)) {
            const field = type.getFields()[text];
            if (field === undefined || random.chance(this.wrong / 2)) continue;
            object[text] = this.value(field.type, nodes, fragments);
            if (!isBound(type, field)) continue;
            if (random.chance(this.wrong)) object[text] = { $error: random.pick(['broken', 'ünïcödé "quoted"', '']) };
            if (random.chance(0.3 * this.wrong))
                object[text] = { $error: 'with more', extensions: { error_code: 400, x: ['y'] } };
            if (random.chance(this.later)) object[text] = { $later: object[text] };
        }
    }

    value(type, nodes, fragments) {
        const { random } = this;

        if (random.chance(this.wrong)) return random.pick(ODD_VALUES);
        if (isNonNullType(type)) return this.valueOf(type.ofType, nodes, fragments);
        return random.chance(0.08) ? null : this.valueOf(type, nodes, fragments);
    }

    valueOf(type, nodes, fragments) {
        const { random } = this;

        if (isListType(type))
            return Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () =>
                this.value(type.ofType, nodes, fragments),
            );
        if (isObjectType(type) || isAbstractType(type)) return this.object(type, nodes, fragments);
        return this.leaf(type);
    }

    root(document, operation) {
        const type = this.schema.getRootType(operation.operation);
        const fragments = new Map(
            document.definitions.filter((d) => d.kind === 'FragmentDefinition').map((d) => [d.name.value, d]),
        );
        const object = {};

        this.later = this.random.pick([0, 0, 0.1, 0.5]);
        this.members(object, type, [operation.selectionSet], fragments);
        return object;
    }
}

module.exports = { ValueMaker, isBound };
