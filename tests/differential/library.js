// library.js - what common/graphql says to cases, by way of reply.c.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const CRASHES_MAX = 10;

class Library {
    constructor(program, folder) {
        this.program = program;
        this.folder = folder; // for files of this run
        this.files = 0;
    }

    line(given) {
        const { query, operationName, variables, root } = given;
        return JSON.stringify({ query, operationName, variables, root });
    }

    parse(line, why) {
        try {
            return JSON.parse(line);
        } catch (error) {
            return { crashed: `${why}; its last line is no JSON: ${line.slice(0, 300)}` };
        }
    }

    run(schemaPath, input, output) {
        return new Promise((done) => {
            const log = output + '.log';
            const fds = [fs.openSync(input, 'r'), fs.openSync(output, 'w'), fs.openSync(log, 'w')];
            const child = spawn(this.program, [schemaPath], { stdio: fds });
            const end = (why) => {
                fds.forEach((fd) => fs.closeSync(fd));
                done(why === undefined ? undefined : `${why} ${fs.readFileSync(log, 'utf8').slice(0, 1500)}`);
            };
            child.on('error', (error) => end(error.message));
            child.on('exit', (code, signal) => end(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
        });
    }

    // The answers to all cases. A case at which the program ended is { crashed }, and the next ones go to a new one.
    async answers(schemaPath, cases) {
        const answers = [];

        for (let crashes = 0; answers.length < cases.length && crashes < CRASHES_MAX; crashes++) {
            const input = path.join(this.folder, `${this.files++}.cases`);
            const output = input.replace('.cases', '.answers');
            fs.writeFileSync(
                input,
                cases
                    .slice(answers.length)
                    .map((given) => this.line(given) + '\n')
                    .join(''),
            );
            const why = await this.run(schemaPath, input, output);
            const lines = fs
                .readFileSync(output, 'utf8')
                .split('\n')
                .filter((line) => line !== '');
            answers.push(...lines.map((line) => this.parse(line, why)));
            if (why !== undefined && answers.length < cases.length) answers.push({ crashed: why });
            else if (why !== undefined) answers[answers.length - 1] = { crashed: why };
        }
        while (answers.length < cases.length) answers.push({ crashed: 'not tried: it ended too often' });
        return answers;
    }

    // One answer, at once.
    answer(schemaPath, given) {
        const ran = spawnSync(this.program, [schemaPath], {
            input: this.line(given) + '\n',
            encoding: 'utf8',
            maxBuffer: 1 << 28,
        });

        if (ran.status !== 0)
            return {
                crashed: ran.signal ?? `exit code ${ran.status} ${(ran.stderr ?? ran.error.message).slice(0, 1500)}`,
            };
        return this.parse(ran.stdout, 'it ended');
    }
}

module.exports = { Library };
