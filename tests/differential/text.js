// text.js - syntax trees as text, in many layouts: places of errors shall not depend on how a document is written.
//
// Trees have the shape of graphql-js's; a node { kind: 'Raw', text } stands for a definition as it is.
'use strict';

const COMMENTS = ['# plain', '#', '# ünïcödé', '# 😀 two units', '# "quoted" { } ...'];
const BREAKS = ['\n', '\n', '\n', '\r\n', '\r', '\n\n'];

function typeTokens(type, out) {
    switch (type.kind) {
        case 'NonNullType':
            typeTokens(type.type, out);
            out.push('!');
            break;
        case 'ListType':
            out.push('[');
            typeTokens(type.type, out);
            out.push(']');
            break;
        default:
            out.push(type.name.value);
    }
}

function escaped(char, random) {
    const code = char.codePointAt(0);
    const units = [...Array(char.length).keys()].map((i) => char.charCodeAt(i));
    const short = {
        '"': '\\"',
        '\\': '\\\\',
        '\n': '\\n',
        '\r': '\\r',
        '\t': '\\t',
        '\b': '\\b',
        '\f': '\\f',
        '/': '\\/',
    };
    const forced = code < 0x20 || char === '"' || char === '\\';

    if (!forced && random.chance(0.9)) return char;
    if (short[char] !== undefined && random.chance(0.7)) return short[char];
    if (random.chance(0.4)) return `\\u{${code.toString(16)}}`;
    return units.map((unit) => '\\u' + unit.toString(16).padStart(4, '0')).join('');
}

function stringText(value, random, block) {
    if (block) return '"""' + value.replace(/"""/g, '\\"""').replace(/[\\"]$/, '') + '"""';
    return '"' + [...value].map((char) => escaped(char, random)).join('') + '"';
}

function valueTokens(value, random, out) {
    switch (value.kind) {
        case 'Variable':
            out.push('$' + value.name.value);
            break;
        case 'StringValue':
            out.push(stringText(value.value, random, value.block));
            break;
        case 'BooleanValue':
            out.push(String(value.value));
            break;
        case 'NullValue':
            out.push('null');
            break;
        case 'ListValue':
            out.push('[');
            for (const item of value.values) valueTokens(item, random, out);
            out.push(']');
            break;
        case 'ObjectValue':
            out.push('{');
            for (const field of value.fields) {
                out.push(field.name.value, ':');
                valueTokens(field.value, random, out);
            }
            out.push('}');
            break;
        default:
            out.push(value.value);
    }
}

function argumentTokens(list, random, out) {
    if (!list || list.length === 0) return;
    out.push('(');
    for (const argument of list) {
        out.push(argument.name.value, ':');
        valueTokens(argument.value, random, out);
    }
    out.push(')');
}

function directiveTokens(list, random, out) {
    for (const directive of list ?? []) {
        out.push('@' + directive.name.value);
        argumentTokens(directive.arguments, random, out);
    }
}

function selectionTokens(selection, random, out) {
    switch (selection.kind) {
        case 'Field':
            if (selection.alias) out.push(selection.alias.value, ':');
            out.push(selection.name.value);
            argumentTokens(selection.arguments, random, out);
            break;
        case 'FragmentSpread':
            out.push('...', selection.name.value);
            break;
        case 'InlineFragment':
            out.push('...');
            if (selection.typeCondition) out.push('on', selection.typeCondition.name.value);
            break;
    }
    directiveTokens(selection.directives, random, out);
    if (selection.selectionSet) setTokens(selection.selectionSet, random, out);
}

function setTokens(set, random, out) {
    out.push('{');
    for (const selection of set.selections) selectionTokens(selection, random, out);
    out.push('}');
}

function variableTokens(list, random, out) {
    if (!list || list.length === 0) return;
    out.push('(');
    for (const definition of list) {
        out.push('$' + definition.variable.name.value, ':');
        typeTokens(definition.type, out);
        if (definition.defaultValue) {
            out.push('=');
            valueTokens(definition.defaultValue, random, out);
        }
        directiveTokens(definition.directives, random, out);
    }
    out.push(')');
}

function definitionTokens(definition, random, out) {
    const { kind, name, description } = definition;

    if (kind === 'Raw') {
        out.push(definition.text);
        return;
    }
    if (description) out.push(stringText(description.value, random, description.block));
    if (kind === 'FragmentDefinition') {
        out.push('fragment', name.value, 'on', definition.typeCondition.name.value);
    } else if (
        name ||
        definition.variableDefinitions?.length ||
        definition.directives?.length ||
        definition.operation !== 'query' ||
        description ||
        random.chance(0.3)
    ) {
        out.push(definition.operation);
        if (name) out.push(name.value);
        variableTokens(definition.variableDefinitions, random, out);
    }
    directiveTokens(definition.directives, random, out);
    setTokens(definition.selectionSet, random, out);
}

function mustSeparate(a, b) {
    return (/[\w"]$/.test(a) && /^[\w"]/.test(b)) || (/\d$/.test(a) && b === '...');
}

function gap(a, b, style, random) {
    const must = a !== undefined && mustSeparate(a, b);
    let text = '';

    if (style === 'compact') return must ? ' ' : '';
    if (style === 'plain' && random.chance(0.8)) return b === '}' || a === '{' ? '\n' : ' ';
    for (let i = random.below(3); i > 0; i--) text += random.pick([' ', ' ', '  ', '\t', ',']);
    if (random.chance(0.25)) text += random.pick(BREAKS);
    if (random.chance(0.04)) text += random.pick(COMMENTS) + random.pick(BREAKS);
    return text === '' && must ? ' ' : text;
}

function documentText(document, random) {
    const tokens = [];
    const style = random.pick(['compact', 'plain', 'plain', 'wild']);
    let text = random.chance(0.02) ? '\ufeff' : '';

    for (const definition of document.definitions) definitionTokens(definition, random, tokens);
    for (let i = 0; i < tokens.length; i++) text += gap(tokens[i - 1], tokens[i], style, random) + tokens[i];
    return style === 'compact' ? text : text + '\n';
}

// Half a character (a surrogate alone) cannot be sent as UTF-8.
function wellFormed(text) {
    return Buffer.from(text, 'utf8').toString('utf8');
}

module.exports = { documentText, wellFormed };
