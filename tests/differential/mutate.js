// mutate.js - breaks a valid document: one function for each rule, which aims at that rule alone. Whether it hit only
// that one is for graphql-js to say. Each changes `document` in place and gives false where it found no place to.
'use strict';

const graphql = require('graphql');
const {
    isLeafType,
    isCompositeType,
    isScalarType,
    isSpecifiedScalarType,
    isInputObjectType,
    isListType,
    isNonNullType,
    getNamedType,
    getNullableType,
    doTypesOverlap,
    parseType,
    isRequiredArgument,
    isRequiredInputField,
} = graphql;
const { name } = require('./document.js');
const { Places } = require('./places.js');

const copy = (node) => structuredClone(node);
const namedType = (text) => ({ kind: 'NamedType', name: name(text) });
const field = (text, more = {}) => ({ kind: 'Field', name: name(text), arguments: [], directives: [], ...more });
const setOf = (...selections) => ({ kind: 'SelectionSet', selections });
const int = (value) => ({ kind: 'IntValue', value });
const string = (value) => ({ kind: 'StringValue', value });
const boolean = (value) => ({ kind: 'BooleanValue', value });
const argument = (text, value) => ({ kind: 'Argument', name: name(text), value });

function pickWhere(random, list, fits) {
    const fitting = list.filter(fits);
    return fitting.length > 0 ? random.pick(fitting) : undefined;
}

const LOCATIONS = {
    Field: 'FIELD',
    FragmentSpread: 'FRAGMENT_SPREAD',
    InlineFragment: 'INLINE_FRAGMENT',
    FragmentDefinition: 'FRAGMENT_DEFINITION',
    VariableDefinition: 'VARIABLE_DEFINITION',
};
const locationOf = (node) => LOCATIONS[node.kind] ?? node.operation?.toUpperCase();

const TYPE_SYSTEM = [
    'type Extra { a: Int }',
    'scalar Extra',
    'extend type Query { extra: Int }',
    'enum Extra { A B }',
    'directive @extra(a: Int = 1) on FIELD',
    '"described" input Extra { a: [Int!]! = [1] @deprecated }',
    'schema { query: Extra }',
    'interface Extra implements Other & Another { a(b: Int = 5, "c" c: Int): Int }',
    'union Extra = | A | B',
    'extend union Extra = C',
    'extend schema @extra',
    'type Extra',
    '"""block""" type Extra implements & A',
    'type Extra implements A & Nope @nope { a(b: Nope = 5 @deprecated): [Intt]! @deprecated(reason: 5) @deprecated }',
    'extend type Extra @skip(if: true) { a: Boolean @nope @include }',
    'input Extra @oneOf @oneOf { a: Extra = {} b: [Int!] = [1, "x"] c: Nope = NOPE d: String @deprecated(why: "x") }',
    'scalar Extra @specifiedBy scalar Other @specifiedBy(url: "x")',
    'enum Extra @nope { A @deprecated(reason: null) B @skip(if: true) }',
    'directive @extra(a: Nope, b: Int! = null @nope) repeatable on FIELD | OBJECT type Extra @extra @extra { a: Int }',
    'directive @twice on OBJECT type Extra @twice @twice { a: Int } extend type Extra @twice',
];

// A literal that does not fit `type`.
function wrongLiteral(random, type) {
    const nullable = getNullableType(type);
    const named = getNamedType(type);
    const wrong = [];

    if (isNonNullType(type)) wrong.push({ kind: 'NullValue' });
    if (isScalarType(named) && !isSpecifiedScalarType(named)) return wrong.length ? wrong[0] : undefined;
    if (named.name !== 'String' && named.name !== 'ID') wrong.push(string('1'), string('RED'));
    if (named.name !== 'Int' && named.name !== 'Float' && named.name !== 'ID') wrong.push(int('1'));
    if (named.name === 'Int') wrong.push(int('2147483648'), int('-2147483649'), { kind: 'FloatValue', value: '1.0' });
    if (named.name !== 'Boolean') wrong.push(boolean(true));
    if (named.name === 'ID') wrong.push({ kind: 'FloatValue', value: '1.5' });
    wrong.push({ kind: 'EnumValue', value: 'NO_SUCH' }, { kind: 'EnumValue', value: 'red' });
    if (!isListType(nullable)) wrong.push({ kind: 'ListValue', values: [] });
    else
        wrong.push({
            kind: 'ListValue',
            values: [
                { kind: 'ObjectValue', fields: [{ kind: 'ObjectField', name: name('no'), value: int('1') }] },
                boolean(true),
                string('x'),
                { kind: 'NullValue' },
            ],
        });
    wrong.push({ kind: 'ObjectValue', fields: [{ kind: 'ObjectField', name: name('no_such'), value: int('1') }] });
    return random.pick(wrong);
}

function breakObject(random, place) {
    const fields = Object.values(place.type.getFields());
    const { node } = place;
    const required = node.fields.findIndex((f) =>
        fields.some((d) => d.name === f.name.value && isRequiredInputField(d)),
    );

    if (place.type.isOneOf) {
        const literal = () => ({
            kind: 'ObjectField',
            name: name(random.pick(fields).name),
            value: { kind: 'NullValue' },
        });
        if (random.chance(0.5)) node.fields = random.chance(0.5) ? [] : [literal()];
        else node.fields = [...node.fields, literal()];
        return true;
    }
    if (required >= 0 && random.chance(0.5)) node.fields.splice(required, 1);
    else
        node.fields.push({
            kind: 'ObjectField',
            name: name(random.pick(['unknown', 'nmae', fields[0].name + 's'])),
            value: int('1'),
        });
    return true;
}

// Values below a node that are worth to be replaced: those without variables inside.
const withoutVariables = (node) => !graphql.print(node).includes('$');

const breakers = {
    ExecutableDefinitions(document, { random }) {
        for (let i = 1 + random.below(2); i > 0; i--)
            document.definitions.splice(random.below(document.definitions.length + 1), 0, {
                kind: 'Raw',
                text: random.pick(TYPE_SYSTEM),
            });
    },

    UniqueOperationNames(document, { random, places }) {
        const one = random.pick(places.operations);

        one.name ??= name('Twice');
        for (let i = 1 + random.below(2); i > 0; i--)
            document.definitions.splice(random.below(document.definitions.length + 1), 0, copy(one));
        for (const other of places.operations) other.name ??= name('Other');
    },

    LoneAnonymousOperation(document, { random, places }) {
        const one = random.pick(places.operations);

        if (places.operations.length === 1)
            document.definitions.push({ ...copy(one), name: random.chance(0.5) ? name('Another') : undefined });
        one.name = undefined;
    },

    SingleFieldSubscriptions(document, { random, places, world }) {
        const one = places.operations.find((o) => o.operation === 'subscription');
        const extra = field('__typename', random.chance(0.5) ? { alias: name('more') } : {});
        const type = one && world.schema.getSubscriptionType();
        const leaf =
            type &&
            pickWhere(
                random,
                Object.values(type.getFields()),
                (f) => isLeafType(getNamedType(f.type)) && !f.args.some(isRequiredArgument),
            );
        const added = () => (random.chance(0.5) || !leaf ? copy(extra) : field(leaf.name, { alias: name('other') }));

        if (!one) return false;
        if (random.chance(0.2)) one.selectionSet.selections = [];
        for (let i = 1 + random.below(2); i > 0; i--) {
            const selection = random.chance(0.3)
                ? { kind: 'InlineFragment', directives: [], selectionSet: setOf(added()) }
                : added();
            one.selectionSet.selections.splice(random.below(one.selectionSet.selections.length + 1), 0, selection);
        }
        return true;
    },

    KnownTypeNames(document, { random, places }) {
        const definition = random.pick(places.operations.flatMap((o) => o.variableDefinitions));
        const condition = places.conditions.length > 0 ? random.pick(places.conditions).node : undefined;
        const text = random.pick(['Unknown', 'string', 'Int32', '_']);

        if (condition && (!definition || random.chance(0.5))) condition.typeCondition = namedType(text);
        else if (definition) definition.type = random.chance(0.5) ? namedType(text) : parseType(`[${text}!]!`);
        else
            document.definitions.push({
                kind: 'Raw',
                text: `query Unknown($v: ${text}) { __typename @include(if: $v) }`,
            });
    },

    FragmentsOnCompositeTypes(document, { random, places, world }) {
        const condition = places.conditions.length > 0 ? random.pick(places.conditions).node : undefined;
        const text = random.pick([...world.inputs, { name: 'String' }, { name: 'Boolean' }]).name;

        if (condition && random.chance(0.5)) condition.typeCondition = namedType(text);
        else
            random
                .pick(places.sets)
                .node.selections.push({
                    kind: 'InlineFragment',
                    typeCondition: namedType(text),
                    directives: [],
                    selectionSet: setOf(field(random.pick(['a', '__typename']))),
                });
    },

    VariablesAreInputTypes(document, { random, world }) {
        const type = world.schema.getQueryType();
        const candidates = Object.values(type.getFields())
            .flatMap((f) =>
                f.args.filter((a) => world.scalars.includes(getNullableType(a.type))).map((a) => ({ f, a })),
            )
            .filter(({ f }) => !f.args.some((a) => isRequiredArgument(a) && !world.scalars.includes(a.type)));
        const chosen = candidates.length > 0 ? random.pick(candidates) : undefined;
        const wrong = random.pick(world.composites).name;

        if (!chosen) return false;
        const selection = isCompositeType(getNamedType(chosen.f.type)) ? '{ __typename }' : '';
        const operation = `query NoInput($v: ${random.pick([wrong, `[${wrong}!]`, wrong + '!'])}) {
            ${chosen.f.name}(${chosen.a.name}: { a: $v }) ${selection} }`;
        for (const definition of document.definitions)
            if (definition.kind === 'OperationDefinition') definition.name ??= name('Other');
        document.definitions.push({ kind: 'Raw', text: operation });
        return true;
    },

    ScalarLeafs(document, { random, places }) {
        const place = pickWhere(random, places.fields, (p) => p.definition);

        if (!place) return false;
        if (isLeafType(getNamedType(place.definition.type)))
            place.node.selectionSet = setOf(field(random.pick(['a', '__typename'])));
        else place.node.selectionSet = undefined;
        return true;
    },

    FieldsOnCorrectType(document, { random, places }) {
        const place = pickWhere(
            random,
            places.fields,
            (p) => p.definition && isLeafType(getNamedType(p.definition.type)),
        );
        const text = random.pick(['unknown', 'Name', '__schema', '__type', '__Typename', 'idd']);

        if (place && random.chance(0.4) && place.node.arguments.length === 0) place.node.name = name(text);
        else
            random
                .pick(places.sets)
                .node.selections.push(
                    field(text, { selectionSet: random.chance(0.3) ? setOf(field('a')) : undefined }),
                );
    },

    UniqueFragmentNames(document, { random, places }) {
        if (places.fragments.length === 0) return false;
        const one = random.pick(places.fragments);
        for (let i = 1 + random.below(2); i > 0; i--)
            document.definitions.splice(random.below(document.definitions.length + 1), 0, copy(one));
        return true;
    },

    KnownFragmentNames(document, { random, places }) {
        random.pick(places.sets).node.selections.push({ kind: 'FragmentSpread', name: name('NoSuch'), directives: [] });
    },

    NoUnusedFragments(document, { random, world, places }) {
        const on = random.pick(world.composites).name;

        document.definitions.splice(random.below(document.definitions.length + 1), 0, {
            kind: 'FragmentDefinition',
            name: name('Unused'),
            typeCondition: namedType(on),
            directives: [],
            selectionSet: setOf(field('__typename')),
        });
        if (random.chance(0.4))
            document.definitions.push({
                kind: 'FragmentDefinition',
                name: name('UnusedToo'),
                typeCondition: namedType(on),
                directives: [],
                selectionSet: setOf({ kind: 'FragmentSpread', name: name('Unused'), directives: [] }),
            });
        void places;
    },

    PossibleFragmentSpreads(document, { random, world, places }) {
        const place = pickWhere(random, places.sets, (p) => p.type);
        const on = place && pickWhere(random, world.composites, (t) => !doTypesOverlap(world.schema, t, place.type));

        if (!on) return false;
        const inside = setOf(field('__typename'));
        if (random.chance(0.6)) {
            place.node.selections.push({
                kind: 'InlineFragment',
                typeCondition: namedType(on.name),
                directives: [],
                selectionSet: inside,
            });
        } else {
            place.node.selections.push({ kind: 'FragmentSpread', name: name('Impossible'), directives: [] });
            document.definitions.push({
                kind: 'FragmentDefinition',
                name: name('Impossible'),
                typeCondition: namedType(on.name),
                directives: [],
                selectionSet: inside,
            });
        }
        return true;
    },

    NoFragmentCycles(document, { random, places }) {
        if (places.fragments.length === 0) return false;
        const one = random.pick(places.fragments);
        const spread = (text) => ({ kind: 'FragmentSpread', name: name(text), directives: [] });
        let last = one.name.value;

        for (let i = random.below(3); i > 0; i--) {
            const text = 'Cycle' + i;
            document.definitions.push({
                kind: 'FragmentDefinition',
                name: name(text),
                typeCondition: copy(one.typeCondition),
                directives: [],
                selectionSet: setOf(spread(last), ...(random.chance(0.3) ? [spread(one.name.value)] : [])),
            });
            last = text;
        }
        one.selectionSet.selections.push(spread(last));
        return true;
    },

    UniqueVariableNames(document, { random, places }) {
        const operation = pickWhere(random, places.operations, (o) => o.variableDefinitions.length > 0);

        if (!operation) return false;
        const one = random.pick(operation.variableDefinitions);
        for (let i = 1 + random.below(2); i > 0; i--) operation.variableDefinitions.push(copy(one));
        return true;
    },

    NoUndefinedVariables(document, { random, places }) {
        const operation = pickWhere(random, places.operations, (o) => o.variableDefinitions.length > 0);

        if (!operation) return false;
        operation.variableDefinitions.splice(random.below(operation.variableDefinitions.length), 1);
        return true;
    },

    NoUnusedVariables(document, { random, places, world }) {
        const definitions = random.pick(places.operations).variableDefinitions;

        for (let i = 1 + random.below(2); i > 0; i--)
            definitions.splice(random.below(definitions.length + 1), 0, {
                kind: 'VariableDefinition',
                directives: [],
                variable: { kind: 'Variable', name: name('unused' + i) },
                type: namedType(random.pick(world.inputs).name),
            });
    },

    KnownDirectives(document, { random, places, world }) {
        const { node } = random.pick(places.directed);
        const wrong = pickWhere(
            random,
            world.directives,
            (d) =>
                !d.locations.includes(locationOf(node)) &&
                !d.args.some((a) => isRequiredArgument(a) && a.name !== 'if'),
        );

        if (wrong && random.chance(0.6))
            node.directives = [
                ...node.directives,
                {
                    kind: 'Directive',
                    name: name(wrong.name),
                    arguments: wrong.args.some((a) => a.name === 'if') ? [argument('if', boolean(true))] : [],
                },
            ];
        else
            node.directives = [
                ...node.directives,
                {
                    kind: 'Directive',
                    name: name('unknown'),
                    arguments: random.chance(0.3) ? [argument('a', int('1'))] : [],
                },
            ];
    },

    UniqueDirectivesPerLocation(document, { random, places, world }) {
        const { node } = random.pick(places.directed);
        const one = pickWhere(
            random,
            node.directives,
            (d) => world.schema.getDirective(d.name.value)?.isRepeatable === false,
        );
        const added =
            one ??
            ((locationOf(node)?.startsWith('F') && locationOf(node) !== 'FRAGMENT_DEFINITION') ||
            node.kind === 'InlineFragment'
                ? {
                      kind: 'Directive',
                      name: name(random.pick(['skip', 'include'])),
                      arguments: [argument('if', boolean(true))],
                  }
                : undefined);

        if (!added) return false;
        for (let i = (one ? 1 : 2) + random.below(2); i > 0; i--) node.directives = [...node.directives, copy(added)];
        return true;
    },

    KnownArgumentNames(document, { random, places }) {
        const place = pickWhere(random, places.fields, (p) => p.definition);
        const directed = pickWhere(random, places.directed, (p) => p.node.directives.length > 0);
        const added = argument(
            random.pick(['unknown', 'Id', 'iff', '_']),
            random.pick([int('1'), { kind: 'EnumValue', value: 'X' }, { kind: 'NullValue' }]),
        );
        const target = directed && random.chance(0.5) ? random.pick(directed.node.directives) : place?.node;

        if (!target) return false;
        target.arguments = [...target.arguments, added];
        return true;
    },

    UniqueArgumentNames(document, { random, places }) {
        if (places.arguments.length === 0) return false;
        const { list } = random.pick(places.arguments);
        const one = random.pick(list);
        for (let i = 1 + random.below(2); i > 0; i--) list.push(copy(one));
        return true;
    },

    ValuesOfCorrectType(document, { random, places }) {
        const object = pickWhere(random, places.objects, (p) => isInputObjectType(p.type));
        const place = pickWhere(random, places.values, (p) => p.type && withoutVariables(p.node));
        const definition = pickWhere(
            random,
            places.operations.flatMap((o) => o.variableDefinitions),
            (d) => d.defaultValue,
        );

        if (object && random.chance(0.4)) return breakObject(random, object);
        if (definition && random.chance(0.2)) {
            definition.defaultValue = {
                kind: 'ObjectValue',
                fields: [{ kind: 'ObjectField', name: name('no'), value: int('1') }],
            };
            return true;
        }
        const wrong = place && wrongLiteral(random, place.type);
        if (!wrong) return false;
        place.node.value = wrong;
        return true;
    },

    ProvidedRequiredArguments(document, { random, places }) {
        const place = pickWhere(
            random,
            places.arguments,
            (p) => p.definition && isRequiredArgument(p.definition) && withoutVariables(p.node),
        );

        if (!place) return false;
        place.list.splice(place.list.indexOf(place.node), 1);
        return true;
    },

    VariablesInAllowedPosition(document, { random, places, world }) {
        const definition = random.pick(places.operations.flatMap((o) => o.variableDefinitions));

        if (!definition) return false;
        if (definition.type.kind === 'NonNullType' && random.chance(0.6)) definition.type = definition.type.type;
        else
            definition.type = random.pick([
                namedType(random.pick(world.inputs).name),
                { kind: 'ListType', type: definition.type },
            ]);
        definition.defaultValue = undefined;
        return true;
    },

    OverlappingFieldsCanBeMerged(document, { random, places }) {
        const place = pickWhere(
            random,
            places.sets,
            (p) => p.type?.getFields && p.node.selections.some((s) => s.kind === 'Field'),
        );
        const leafs =
            place &&
            Object.values(place.type.getFields()).filter(
                (f) => isLeafType(getNamedType(f.type)) && !f.args.some(isRequiredArgument),
            );
        const target = place && random.pick(place.node.selections.filter((s) => s.kind === 'Field'));
        const key = target && (target.alias ?? target.name).value;
        let other;

        if (!place) return false;
        if (target.arguments.length > 0 && random.chance(0.5)) {
            other = copy(target);
            if (random.chance(0.5)) other.arguments = other.arguments.slice(1);
            else
                [other.arguments] = [
                    other.arguments.map((a) =>
                        argument(a.name.value, a.value.kind === 'IntValue' ? int('99') : a.value),
                    ),
                ];
        } else if (target.selectionSet && random.chance(0.5)) {
            other = copy(target);
            const inner = other.selectionSet.selections.find((s) => s.kind === 'Field');
            if (!inner) return false;
            other.selectionSet = setOf({ ...field('__typename'), alias: name((inner.alias ?? inner.name).value) });
        } else {
            other = leafs.length > 0 && random.chance(0.7) ? field(random.pick(leafs).name) : field('__typename');
            other.alias = name(key);
        }
        for (let i = 1 + random.below(2); i > 0; i--) {
            const wrapped = random.chance(0.3)
                ? { kind: 'InlineFragment', directives: [], selectionSet: setOf(copy(other)) }
                : copy(other);
            place.node.selections.splice(random.below(place.node.selections.length + 1), 0, wrapped);
        }
        return true;
    },

    UniqueInputFieldNames(document, { random, places }) {
        const place = pickWhere(random, places.objects, (p) => p.node.fields.length > 0);

        if (!place) return false;
        const one = random.pick(place.node.fields);
        for (let i = 1 + random.below(2); i > 0; i--)
            place.node.fields.splice(random.below(place.node.fields.length + 1), 0, copy(one));
        return true;
    },

    MaxIntrospectionDepth(document, { random, places, world }) {
        const lists = ['fields', 'interfaces', 'possibleTypes', 'inputFields'];
        const operation = places.operations.find((o) => o.operation === 'query');
        let inside = setOf(field('name'));

        if (!operation) return false;
        for (let i = 3 + random.below(2); i > 0; i--) {
            const list = random.pick(lists);
            const below = list.endsWith('ields') ? setOf(field('type', { selectionSet: inside })) : inside;
            inside = setOf(
                field(list, {
                    selectionSet: random.chance(0.2)
                        ? setOf({ kind: 'InlineFragment', directives: [], selectionSet: below })
                        : below,
                }),
            );
        }
        operation.selectionSet.selections.push(
            random.chance(0.5)
                ? field('__schema', { selectionSet: setOf(field('types', { selectionSet: inside })) })
                : field('__type', { arguments: [argument('name', string(world.all[0].name))], selectionSet: inside }),
        );
        return true;
    },
};

function breakRule(rule, world, document, random) {
    return breakers[rule](document, { world, random, places: new Places(world, document) }) !== false;
}

module.exports = { breakRule, rules: Object.keys(breakers) };
