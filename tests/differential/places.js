// places.js - everything in a document that can be changed, with its types.
'use strict';

const graphql = require('graphql');
const { getNamedType } = graphql;

class Places {
    constructor(world, document) {
        const info = new graphql.TypeInfo(world.schema);
        const at = (list, node, more) => void list.push({ node, ...more });

        Object.assign(this, {
            fields: [],
            sets: [],
            values: [],
            arguments: [],
            objects: [],
            directed: [],
            conditions: [],
            spreads: [],
        });
        this.operations = document.definitions.filter((d) => d.kind === 'OperationDefinition');
        this.fragments = document.definitions.filter((d) => d.kind === 'FragmentDefinition');
        const own = { ...document, definitions: document.definitions.filter((d) => d.kind !== 'Raw') };

        graphql.visit(
            own,
            graphql.visitWithTypeInfo(info, {
                Field: (node) =>
                    at(this.fields, node, { parent: info.getParentType(), definition: info.getFieldDef() }),
                SelectionSet: (node) => at(this.sets, node, { type: info.getParentType() }),
                Argument: (node, key, owner, path, ancestors) =>
                    at(this.arguments, node, {
                        definition: info.getArgument(),
                        list: owner,
                        type: info.getInputType(),
                        owner: ancestors.at(-2),
                    }),
                ObjectValue: (node) => at(this.objects, node, { type: getNamedType(info.getInputType()) }),
                ObjectField: (node, key, owner) => at(this.values, node, { type: info.getInputType() }),
                enter: (node) => {
                    if (node.directives && node.kind !== 'Document') at(this.directed, node, {});
                    if (node.typeCondition) at(this.conditions, node, { type: info.getType() });
                    if (node.kind === 'FragmentSpread') at(this.spreads, node, {});
                },
            }),
        );
        // visitWithTypeInfo calls `enter` only for kinds without a function of their own.
        for (const { node } of this.fields) this.directed.push({ node });
        for (const { node, type } of this.arguments) this.values.push({ node, type });
    }
}

module.exports = { Places };
