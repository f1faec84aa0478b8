// run.js - compares common/graphql with graphql-js on generated documents: node run.js REPLY [FOLDER]
//
// REPLY is the program of reply.c, FOLDER takes files of this run. TIDEGATE_SEED (a number) chooses the documents; a
// difference is printed with its seed and becomes a file in regressions/. DOCUMENTS (a factor, 1) makes it longer.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const graphql = require('graphql');
const { Random } = require('./random.js');
const { World, DocumentMaker } = require('./document.js');
const { documentText } = require('./text.js');
const { ValueMaker } = require('./data.js');
const { breakRule, rules } = require('./mutate.js');
const { breakSyntax } = require('./syntax.js');
const reference = require('./reference.js');
const { differs, introspectionDiffers } = require('./compare.js');
const { Library } = require('./library.js');
const { shrink } = require('./shrink.js');

const PROVISIONER = path.join(__dirname, '../../proto/graphql/provisioner.graphql');
const FACTOR = Number(process.env.DOCUMENTS ?? 1);
const VALID_EACH = Math.ceil(1800 * FACTOR),
    SEVERAL_EACH = Math.ceil(150 * FACTOR),
    SYNTAX_EACH = Math.ceil(300 * FACTOR),
    CONFLICTS_EACH = Math.ceil(200 * FACTOR);
const RULE_WANTED = Math.ceil(130 * FACTOR),
    RULE_TRIES = 8;
const QUOTA = { documents: 5000, schemas: 5, valid: 0.4, rule: 100 };
const SHOWN_EACH = 3,
    SHRUNK_MAX = 25;

const seed = Number(process.env.TIDEGATE_SEED ?? 16);
const results = new Map(); // name of a batch -> { compared, differences: [] }
const counts = { documents: 0, valid: 0, only: Object.fromEntries(rules.map((rule) => [rule, 0])) };
let shrunk = 0;

function batch(name) {
    if (!results.has(name)) results.set(name, { compared: 0, differences: [] });
    return results.get(name);
}

// --- Cases ---

function load(file) {
    const schema = reference.buildSchema(fs.readFileSync(file, 'utf8'));
    const problems = graphql.validateSchema(schema);

    if (problems.length > 0) throw new Error(`${file}: ${problems[0].message}`);
    return { file, name: path.basename(file, '.graphql'), schema, world: new World(schema), cases: [] };
}

// The seed of one case: what was generated before it does not matter.
function caseSeed(...parts) {
    let hash = 2166136261 ^ seed;

    for (const char of parts.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
    return hash >>> 0;
}

function makeCase(subject, kind, number) {
    const random = new Random(number);
    const options = kind === 'conflicts' ? { careless: true } : {};
    const subscribes = kind === 'SingleFieldSubscriptions' && subject.schema.getSubscriptionType();
    const made = new DocumentMaker(subject.world, random, subscribes ? { operation: 'subscription' } : options).make();
    const { document } = made;
    const given = { kind, seed: number, operationName: made.operationName };

    if (rules.includes(kind) && !breakRule(kind, subject.world, document, random)) return undefined;
    if (kind === 'several')
        for (let i = 2 + random.below(2); i > 0; i--) breakRule(random.pick(rules), subject.world, document, random);
    given.query = documentText(document, random);
    if (kind === 'syntax') given.query = breakSyntax(given.query, random);
    if (kind === 'valid') addValues(given, subject, made, random);
    return given;
}

function addValues(given, subject, made, random) {
    const operations = made.document.definitions.filter((d) => d.kind === 'OperationDefinition');
    const operation = operations.find((o) => o.name?.value === given.operationName) ?? operations[0];
    const wrong = random.pick([0, 0, 0, 0.02, 0.06]);
    const values = new ValueMaker(subject.world, random, random.chance(0.15) ? 0.1 : 0);

    given.variables = values.variables(operation, made.variables);
    values.wrong = wrong;
    given.root = values.root(made.document, operation);
    if (random.chance(0.02)) given.operationName = random.pick(['NoSuch', '']) || undefined;
}

function onlyRule(subject, given) {
    try {
        const found = new Set(
            reference.validate(subject.schema, graphql.parse(given.query)).map((error) => error.rule),
        );
        return found.size === 1 && found.has(given.kind);
    } catch {
        return false; // a definition without braces swallowed the next one
    }
}

// Each rule is broken in all schemas in which it can be.
function addRuleCases(subjects) {
    for (const rule of rules) {
        const able = new Set(subjects);
        let index = 0;
        for (let found = 0; found < RULE_WANTED && able.size > 0 && index < RULE_TRIES * RULE_WANTED; index++) {
            for (const subject of [...able]) {
                const given = makeCase(subject, rule, caseSeed(subject.name, rule, index));
                if (given && onlyRule(subject, given)) {
                    subject.cases.push({ ...given, only: true });
                    counts.only[rule]++;
                    found++;
                } else if (given && index % 4 === 0) {
                    subject.cases.push(given);
                }
                if (index === 40 && !subject.cases.some((c) => c.kind === rule && c.only)) able.delete(subject);
            }
        }
    }
}

function addCases(subject) {
    for (const [kind, count] of [
        ['valid', VALID_EACH],
        ['several', SEVERAL_EACH],
        ['syntax', SYNTAX_EACH],
        ['conflicts', CONFLICTS_EACH],
    ])
        for (let i = 0; i < count; i++) subject.cases.push(makeCase(subject, kind, caseSeed(subject.name, kind, i)));
}

// --- Comparing ---

async function show(library, subject, given, what, found) {
    const differing = async (smaller) => {
        const theirs = await reference.answer(subject.schema, smaller);
        const now = differs(smaller, theirs, library.answer(subject.file, smaller));
        return now !== undefined && now.split(/[:\n]/)[0] === what.split(/[:\n]/)[0];
    };
    const small =
        found.differences.length <= SHOWN_EACH && shrunk++ < SHRUNK_MAX ? await shrink(given, differing) : given;
    const theirs = await reference.answer(subject.schema, small);
    const ours = library.answer(subject.file, small);
    const brief = ({ document, ...answer }) => JSON.stringify(answer).slice(0, 1500);
    const { query, operationName, variables, root } = small;
    const repeated = { schema: subject.name, query, operationName, variables, root };

    console.log(`difference in ${given.kind}: schema ${subject.name}, seed ${seed}, case ${given.name ?? given.seed}`);
    console.log(`    ${differs(small, theirs, ours) ?? what}`);
    console.log(`    case:       ${JSON.stringify(repeated).slice(0, 4000)}`);
    console.log(`    graphql-js: ${brief(theirs)}`);
    console.log(`    ours:       ${brief(ours)}`);
}

const batchOf = (subject, given) =>
    given.kind === 'valid'
        ? `valid documents, ${subject.name}`
        : given.kind === 'regressions'
          ? 'regressions'
          : given.kind;

async function compareAll(library, subject) {
    const waiting = library.answers(subject.file, subject.cases);
    const theirs = [];

    for (const given of subject.cases) theirs.push(await reference.answer(subject.schema, given));
    const ours = await waiting;
    for (const [i, given] of subject.cases.entries()) {
        const found = batch(batchOf(subject, given));
        const what = differs(given, theirs[i], ours[i]);
        found.compared++;
        counts.documents++;
        if (theirs[i].result?.data) counts.valid++;
        if (what === undefined) continue;
        found.differences.push({ subject, given });
        if (found.differences.length <= SHOWN_EACH) await show(library, subject, given, what, found);
    }
}

async function compareIntrospection(library, subject) {
    const query = graphql.getIntrospectionQuery({
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
    });
    const theirs = await reference.answer(subject.schema, { query });
    const found = batch('introspection');
    const what = introspectionDiffers(theirs, library.answer(subject.file, { query }));

    found.compared++;
    if (what === undefined) return;
    found.differences.push({ subject });
    console.log(`difference in introspection: schema ${subject.name}\n    ${what}`);
}

// Regressions name a schema, or bring their own; one with a seed is generated anew.
function addRegressions(subjects, folder) {
    const directory = path.join(__dirname, 'regressions');

    for (const file of fs
        .readdirSync(directory)
        .filter((text) => text.endsWith('.json'))
        .sort()) {
        for (const [i, given] of JSON.parse(fs.readFileSync(path.join(directory, file), 'utf8')).entries()) {
            let subject = subjects.find((s) => s.name === given.schema);
            if (given.sdl) {
                const own = path.join(folder, `${path.basename(file, '.json')}-${i}.graphql`);
                fs.writeFileSync(own, given.sdl);
                subject = { ...load(own), introspects: given.introspect };
                subjects.push(subject);
            }
            if (!subject) throw new Error(`regressions/${file}: case ${i}: there is no schema ${given.schema}`);
            const made = given.seed === undefined ? given : makeCase(subject, given.kind, given.seed);
            subject.cases.push({ ...made, name: `${file} ${i}: ${given.name ?? ''}`, kind: 'regressions' });
        }
    }
}

// --- The report ---

function report(schemas) {
    const lines = [];
    const check = (name, good, more) => lines.push([good, `${good ? 'ok    ' : 'FAILED'} ${name}${more}`]);
    const few = rules.filter((rule) => counts.only[rule] < QUOTA.rule);

    for (const [name, { compared, differences }] of results)
        check(
            name,
            differences.length === 0,
            `: ${compared} compared${differences.length ? `, ${differences.length} DIFFER` : ''}` +
                (counts.only[name] === undefined ? '' : `, ${counts.only[name]} with this error alone`),
        );
    check('documents', counts.documents >= QUOTA.documents, `: ${counts.documents} (at least ${QUOTA.documents})`);
    check('schemas', schemas >= QUOTA.schemas, `: ${schemas} (at least ${QUOTA.schemas})`);
    check(
        'valid documents with data',
        counts.valid >= QUOTA.valid * counts.documents,
        `: ${((100 * counts.valid) / counts.documents).toFixed(1)} % (at least ${100 * QUOTA.valid} %)`,
    );
    check(
        'each rule the only error',
        few.length === 0,
        few.length
            ? `: too few of ${few.map((r) => `${r} (${counts.only[r]})`)}`
            : `: in at least ${Math.min(...Object.values(counts.only))} documents (at least ${QUOTA.rule})`,
    );
    check(
        'every rule of graphql-js is there',
        reference.RULES.every((rule) => rules.includes(rule)),
        `: ${reference.RULES.length}`,
    );
    for (const [, line] of lines) console.log(line);
    const failed = lines.filter(([good]) => !good).length;
    console.log(`${lines.length - failed} passed, ${failed} failed`);
    return failed;
}

async function main() {
    const [program, given] = process.argv.slice(2);
    const folder = given ?? fs.mkdtempSync(path.join(os.tmpdir(), 'differential-'));
    const directory = path.join(__dirname, 'schemas');
    const files = [
        PROVISIONER,
        ...fs
            .readdirSync(directory)
            .sort()
            .map((file) => path.join(directory, file)),
    ];
    const subjects = files.filter((file) => fs.existsSync(file)).map(load);
    const library = new Library(path.resolve(program), folder);
    const schemas = subjects.length;

    fs.mkdirSync(folder, { recursive: true });
    if (!Number.isInteger(seed)) throw new Error(`TIDEGATE_SEED=${process.env.TIDEGATE_SEED}: expected a whole number`);
    console.log(`graphql-js ${graphql.version}, seed ${seed}, ${schemas} schemas`);
    addRuleCases(subjects);
    for (const subject of subjects) addCases(subject);
    addRegressions(subjects, folder);
    for (const subject of subjects) {
        await compareAll(library, subject);
        if (subject.introspects !== false) await compareIntrospection(library, subject);
    }
    process.exitCode = report(schemas) > 0 ? 1 : 0;
    if (!given) fs.rmSync(folder, { recursive: true });
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
