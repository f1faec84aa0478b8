/* validate.h - is a document valid against a schema? Private to this folder.
 *
 * The rules of "Validation" of the specification, each in a function of its own, named as graphql-js names it:
 * ExecutableDefinitions, UniqueOperationNames, LoneAnonymousOperation, SingleFieldSubscriptions, KnownTypeNames,
 * FragmentsOnCompositeTypes, VariablesAreInputTypes, ScalarLeafs, FieldsOnCorrectType, UniqueFragmentNames,
 * KnownFragmentNames, NoUnusedFragments, PossibleFragmentSpreads, NoFragmentCycles, UniqueVariableNames,
 * NoUndefinedVariables, NoUnusedVariables, KnownDirectives, UniqueDirectivesPerLocation, KnownArgumentNames,
 * UniqueArgumentNames, ValuesOfCorrectType, ProvidedRequiredArguments, VariablesInAllowedPosition,
 * OverlappingFieldsCanBeMerged, UniqueInputFieldNames, MaxIntrospectionDepth. The name is gql_error.rule.
 * An operation whose root type the schema does not have breaks no rule: executing it is what fails.
 *
 * A document that breaks none is measured: limits->depth is of fields within fields, wherever fragments put them (the
 * fields of the operation itself are at depth 1), limits->fields of an operation's fields when each spread is replaced
 * by what its fragment selects. These errors are of the rule "limit".
 *
 * Time is bounded whatever the document is: work that may grow faster than the document is counted, and a document that
 * needs too much of it is refused, by the rule "limit" too. */
#ifndef GRAPHQL_VALIDATE_H
#define GRAPHQL_VALIDATE_H

#include "common/graphql/schema.h"

/* Adds all errors that there are (up to errors->max). True: there are none. `limits` may be NULL. */
bool gql_validate(const struct gql_schema *schema, const struct gql_ast *ast, const struct gql_limits *limits,
                  struct gql_errors *errors);

#endif
