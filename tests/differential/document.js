// document.js - valid documents of a schema, directed by its types.
//
// A response key stands for one field with one list of arguments in a whole document, so fields of one key always
// merge; with options.careless they conflict in all ways. Variables belong to the document; each operation defines
// those that it and its fragments use.
'use strict';

const graphql = require('graphql');
const {
    isLeafType,
    isNonNullType,
    isListType,
    isEnumType,
    isInputObjectType,
    isCompositeType,
    isScalarType,
    isSpecifiedScalarType,
    isRequiredArgument,
    isRequiredInputField,
    getNamedType,
    getNullableType,
    print,
    doTypesOverlap,
    parseType,
    isInputType,
} = graphql;

const name = (value) => ({ kind: 'Name', value });
const STRINGS = [
    '',
    'a',
    'text',
    'two words',
    'ünïcödé',
    '😀 astral',
    'quo"te',
    'back\\slash',
    'line\nbreak',
    'tab\t',
    '\u0001',
    '#no comment',
    '{ }',
    'null',
    '12',
    '\u2028',
    '中文',
];
const BLOCKS = [
    '',
    'block',
    '\n    indented\n      more\n    back\n',
    '  first\n  second',
    'a """ b',
    '\n\n',
    'ü\r\n  x\r  y',
    '"q" ',
];
const INTS = ['0', '1', '-1', '7', '42', '2147483647', '-2147483648', '-0'];
const FLOATS = ['0', '1', '-1.5', '3.25', '1e3', '1E-2', '-2.5e+1', '123456789.125', '0.1', '-0.0', '1e21', '4'];

// What is known of a schema besides the schema.
class World {
    constructor(schema) {
        const types = Object.values(schema.getTypeMap());

        this.schema = schema;
        this.composites = types.filter((t) => isCompositeType(t) && !t.name.startsWith('__'));
        this.inputs = types.filter((t) => isInputType(t) && !t.name.startsWith('__'));
        this.all = types.filter((t) => !t.name.startsWith('__'));
        this.scalars = types.filter((t) => isScalarType(t) && !isSpecifiedScalarType(t));
        this.overlaps = new Map();
        this.directives = schema.getDirectives();
    }

    // Composite types that a fragment inside `type` may be on.
    overlapping(type) {
        let list = this.overlaps.get(type);

        if (list === undefined) {
            list = this.composites.filter((other) => doTypesOverlap(this.schema, type, other));
            this.overlaps.set(type, list);
        }
        return list;
    }
}

class DocumentMaker {
    constructor(world, random, options = {}) {
        this.world = world;
        this.schema = world.schema;
        this.random = random;
        this.options = options;
        this.budget = options.budget ?? random.pick([4, 8, 15, 30, 60]);
        this.fragments = [];
        this.variables = new Map();
        this.keys = new Map(); // response key -> signature
        this.keysOf = new Map(); // signature -> response keys
        this.names = 0;
    }

    fresh(prefix) {
        return prefix + this.names++;
    }

    // --- Values ---

    variable(type, hasDefault) {
        const { random } = this;
        const known = [...this.variables.values()].filter((v) => v.fits.includes(String(type)));
        let written = type;
        let value;

        if (known.length > 0 && random.chance(0.5)) return this.variableNode(random.pick(known).name);
        if (isNonNullType(type)) {
            if (hasDefault && random.chance(0.3)) written = type.ofType;
            else if (random.chance(0.3)) {
                written = type.ofType;
                value = this.literal(type, 2, false);
            }
        } else if (random.chance(0.3)) {
            written = new graphql.GraphQLNonNull(type);
        }
        if (value === undefined && random.chance(0.25)) value = this.literal(written, 2, false);
        const variable = {
            name: random.pick(['v', 'var', 'type', 'on', '_']) + this.names++,
            type: written,
            value,
            fits: [String(type)],
        };
        if (!hasDefault || isNonNullType(written)) this.variables.set(variable.name, variable);
        else this.variables.set(variable.name, { ...variable, fits: [] });
        return this.variableNode(variable.name);
    }

    variableNode(text) {
        return { kind: 'Variable', name: name(text) };
    }

    scalar(type) {
        const { random } = this;

        switch (type.name) {
            case 'Int':
                return { kind: 'IntValue', value: random.pick(INTS) };
            case 'Float': {
                const value = random.pick(FLOATS);
                return { kind: /[.eE]/.test(value) ? 'FloatValue' : 'IntValue', value };
            }
            case 'Boolean':
                return { kind: 'BooleanValue', value: random.chance(0.5) };
            case 'ID':
                if (random.chance(0.3))
                    return { kind: 'IntValue', value: random.pick(['0', '1', '-7', '12345678901234567890']) };
                return { kind: 'StringValue', value: random.pick(['a', '1', 'id-2', '😀']) };
            case 'String':
                if (random.chance(0.15)) return { kind: 'StringValue', block: true, value: random.pick(BLOCKS) };
                return { kind: 'StringValue', value: random.pick(STRINGS) };
            default:
                return this.anything(2);
        }
    }

    // For a custom scalar.
    anything(depth) {
        const { random } = this;
        const kind = random.below(depth > 0 ? 9 : 6);

        switch (kind) {
            case 0:
                return { kind: 'IntValue', value: random.pick(['0', '-5', '2147483648', '9007199254740991']) };
            case 1:
                return { kind: 'FloatValue', value: random.pick(['1.5', '-2e3', '0.25']) };
            case 2:
            case 3:
                return { kind: 'StringValue', value: random.pick(STRINGS) };
            case 4:
                return { kind: 'BooleanValue', value: random.chance(0.5) };
            case 5:
                return { kind: 'EnumValue', value: random.pick(['ANY', 'thing']) };
            case 6:
                return {
                    kind: 'ListValue',
                    values: Array.from({ length: random.below(3) }, () => this.anything(depth - 1)),
                };
            default:
                return {
                    kind: 'ObjectValue',
                    fields: random
                        .shuffled(['x', 'y', 'z'])
                        .slice(random.below(4))
                        .map((key) => ({
                            kind: 'ObjectField',
                            name: name(key),
                            value: random.chance(0.2) ? { kind: 'NullValue' } : this.anything(depth - 1),
                        })),
                };
        }
    }

    inputObject(type, depth, variables) {
        const { random } = this;
        const fields = Object.values(type.getFields());
        const field = (f, inner) => ({
            kind: 'ObjectField',
            name: name(f.name),
            value: this.literal(inner, depth - 1, variables, f.defaultValue !== undefined),
        });

        if (type.isOneOf) {
            const simple = fields.filter((f) => depth > 0 || isLeafType(getNamedType(f.type)));
            const f = random.pick(simple.length > 0 ? simple : fields);
            return { kind: 'ObjectValue', fields: [field(f, new graphql.GraphQLNonNull(f.type))] };
        }
        const wanted = fields.filter(
            (f) => isRequiredInputField(f) || (random.chance(0.4) && (depth > 0 || isLeafType(getNamedType(f.type)))),
        );
        return { kind: 'ObjectValue', fields: random.shuffled(wanted).map((f) => field(f, f.type)) };
    }

    literal(type, depth, variables, hasDefault = false) {
        const { random } = this;

        if (variables && random.chance(0.2)) return this.variable(type, hasDefault);
        if (isNonNullType(type)) return this.literalOf(type.ofType, depth, variables);
        if (random.chance(0.1)) return { kind: 'NullValue' };
        return this.literalOf(type, depth, variables);
    }

    literalOf(type, depth, variables) {
        const { random } = this;

        if (isListType(type)) {
            if (random.chance(0.15) && !isListType(getNullableType(type.ofType)))
                return this.literalOf(getNullableType(type.ofType), depth, false);
            return {
                kind: 'ListValue',
                values: Array.from({ length: random.below(depth > 0 ? 4 : 2) }, () =>
                    this.literal(type.ofType, depth - 1, variables),
                ),
            };
        }
        if (isEnumType(type)) return { kind: 'EnumValue', value: random.pick(type.getValues()).name };
        if (isInputObjectType(type)) return this.inputObject(type, depth, variables);
        return this.scalar(type);
    }

    arguments(definitions, variables = true) {
        const { random } = this;
        const wanted = definitions.filter((a) => isRequiredArgument(a) || random.chance(0.45));

        return random
            .shuffled(wanted)
            .map((a) => ({
                kind: 'Argument',
                name: name(a.name),
                value: this.typeNameArgument(a) ?? this.literal(a.type, 3, variables, a.defaultValue !== undefined),
            }));
    }

    // __type(name:) is dull without names of types.
    typeNameArgument(argument) {
        if (!this.inIntrospection || argument.name !== 'name' || this.random.chance(0.1)) return undefined;
        return { kind: 'StringValue', value: this.random.pick(Object.keys(this.schema.getTypeMap())) };
    }

    // --- Directives ---

    directives(location, variables = true) {
        const { random } = this;
        const list = [];

        if (!random.chance(0.12)) return list;
        for (const directive of random.shuffled(this.world.directives).slice(0, 2)) {
            if (!directive.locations.includes(location)) continue;
            for (let i = directive.isRepeatable ? 1 + random.below(2) : 1; i > 0; i--)
                list.push({
                    kind: 'Directive',
                    name: name(directive.name),
                    arguments: this.arguments(directive.args, variables),
                });
        }
        return list;
    }

    // --- Selections ---

    // A key under which the field with these arguments and this type may be asked for.
    keyFor(field, args) {
        const { random } = this;
        const signature = `${field.name}(${args.map((a) => print(a)).sort()}):${field.type}`;
        const known = this.keysOf.get(signature) ?? [];
        let key;

        if (this.options.careless) return random.pick([field.name, 'a', 'b']);
        if (known.length > 0 && random.chance(0.8)) return random.pick(known);
        if (!this.keys.has(field.name) && random.chance(0.8)) key = field.name;
        else key = this.fresh(random.pick(['a', 'alias', 'query', field.name]));
        if (this.keys.has(key)) key = this.fresh('a_');
        this.keys.set(key, signature);
        this.keysOf.set(signature, [...known, key]);
        return key;
    }

    field(parent, field, depth) {
        const introspection = this.inIntrospection;
        const type = getNamedType(field.type);

        this.budget--;
        this.inIntrospection = introspection || field.name === '__type' || field.name === '__schema';
        const args = this.arguments(field.args);
        const key = this.keyFor(field, args);
        const node = {
            kind: 'Field',
            alias: key === field.name ? undefined : name(key),
            name: name(field.name),
            arguments: args,
            directives: this.directives('FIELD'),
        };
        if (isCompositeType(type)) node.selectionSet = this.selectionSet(type, depth - 1);
        this.inIntrospection = introspection;
        return node;
    }

    typename() {
        return {
            kind: 'Field',
            alias: this.random.chance(0.2) ? name('typeName_') : undefined,
            name: name('__typename'),
            arguments: [],
            directives: [],
        };
    }

    fieldsOf(type, depth) {
        const { schema } = this;
        let list = isCompositeType(type) && type.getFields ? Object.values(type.getFields()) : [];
        // Builtin things are described in everybody's own words.
        if (type.name.startsWith('__')) list = list.filter((f) => f.name !== 'description');
        const plain = list.filter((f) => isLeafType(getNamedType(f.type)));

        if (type === schema.getQueryType() && depth > 0 && this.random.chance(0.08))
            return [graphql.SchemaMetaFieldDef, graphql.TypeMetaFieldDef];
        return depth > 0 && this.budget > 0 ? list : plain;
    }

    inline(type, depth) {
        const bare = this.random.chance(0.2);
        const on = bare || type.name.startsWith('__') ? type : this.random.pick(this.world.overlapping(type));

        return {
            kind: 'InlineFragment',
            typeCondition: bare ? undefined : { kind: 'NamedType', name: name(on.name) },
            directives: this.directives('INLINE_FRAGMENT'),
            selectionSet: this.selectionSet(on, depth - 1),
        };
    }

    spread(type, depth) {
        const { random } = this;
        const overlaps = type.name.startsWith('__') ? [type] : this.world.overlapping(type);
        const known = this.fragments.filter((f) => overlaps.some((t) => t.name === f.typeCondition.name.value));
        let fragment = known.length > 0 && random.chance(0.5) ? random.pick(known) : undefined;

        if (fragment === undefined) {
            const on = random.pick(overlaps);
            fragment = {
                kind: 'FragmentDefinition',
                name: name(this.fresh(random.pick(['F', 'fragment', 'query_']))),
                typeCondition: { kind: 'NamedType', name: name(on.name) },
                directives: this.directives('FRAGMENT_DEFINITION', false),
                description: this.description(),
                selectionSet: this.selectionSet(on, depth - 1),
            };
            this.fragments.push(fragment); // only now: it cannot spread itself
        }
        return {
            kind: 'FragmentSpread',
            name: name(fragment.name.value),
            directives: this.directives('FRAGMENT_SPREAD'),
        };
    }

    description() {
        return this.random.chance(0.03)
            ? { kind: 'StringValue', value: 'says what it is', block: this.random.chance(0.5) }
            : undefined;
    }

    selection(type, depth) {
        const { random } = this;
        const dice = random.next();

        if (depth > 0 && this.budget > 0 && dice < 0.1) return this.inline(type, depth);
        if (depth > 0 && this.budget > 0 && dice < 0.2) return this.spread(type, depth);
        const fields = this.fieldsOf(type, depth);
        if (fields.length === 0 || dice > 0.95) return this.typename();
        return this.field(type, random.pick(fields), depth);
    }

    selectionSet(type, depth) {
        const count = 1 + this.random.below(this.budget > 0 ? 5 : 2);

        return { kind: 'SelectionSet', selections: Array.from({ length: count }, () => this.selection(type, depth)) };
    }

    subscriptionSet(type) {
        const field = this.field(type, this.random.pick(Object.values(type.getFields())), 4);

        field.directives = field.directives.filter((d) => d.name.value !== 'skip' && d.name.value !== 'include');
        return { kind: 'SelectionSet', selections: [field] };
    }

    // --- Definitions ---

    operation(operation, text) {
        const type = this.schema.getRootType(operation);
        const selectionSet =
            operation === 'subscription'
                ? this.subscriptionSet(type)
                : this.selectionSet(type, this.options.depth ?? 2 + this.random.below(4));

        return {
            kind: 'OperationDefinition',
            operation,
            name: text === undefined ? undefined : name(text),
            directives: this.directives(operation.toUpperCase()),
            description: this.description(),
            selectionSet,
        };
    }

    variableDefinitions(used) {
        return [...used]
            .filter((text) => this.variables.has(text))
            .map((text) => {
                const variable = this.variables.get(text);
                return {
                    kind: 'VariableDefinition',
                    variable: this.variableNode(text),
                    type: parseType(String(variable.type)),
                    defaultValue: variable.value,
                    directives: this.directives('VARIABLE_DEFINITION', false),
                };
            });
    }

    make() {
        const { random, schema } = this;
        const roots = ['query', 'query', 'query', 'mutation', 'subscription'].filter((o) => schema.getRootType(o));
        const count = random.chance(0.2) ? 2 + random.below(2) : 1;
        const operations = [];

        for (let i = 0; i < count; i++)
            operations.push(
                this.operation(
                    this.options.operation ?? random.pick(roots),
                    count > 1 || random.chance(0.5) ? random.pick(['Q', 'query', 'on']) + i : undefined,
                ),
            );
        const document = { kind: 'Document', definitions: [...operations, ...this.fragments] };
        for (const operation of operations)
            operation.variableDefinitions = this.variableDefinitions(variablesUsed(document, operation));
        if (random.chance(0.3)) document.definitions = random.shuffled(document.definitions);
        return {
            document,
            operationName: count > 1 || random.chance(0.3) ? random.pick(operations).name?.value : undefined,
            variables: this.variables,
        };
    }
}

// Names of the variables in an operation and the fragments that it reaches, in the order of their first use.
function variablesUsed(document, operation) {
    const fragments = new Map(
        document.definitions.filter((d) => d.kind === 'FragmentDefinition').map((d) => [d.name.value, d]),
    );
    const used = new Set();
    const seen = new Set();
    const walk = (node) =>
        graphql.visit(node, {
            VariableDefinition: () => false,
            Variable: (variable) => void used.add(variable.name.value),
            FragmentSpread: (spread) => {
                const fragment = fragments.get(spread.name.value);
                if (!fragment || seen.has(fragment)) return;
                seen.add(fragment);
                walk(fragment);
            },
        });

    walk(operation);
    return used;
}

module.exports = { World, DocumentMaker, variablesUsed, name, STRINGS };
