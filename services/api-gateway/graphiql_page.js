/* GraphiQL on this server's own API. Every call names its tenant: the headers editor is open, with a place for it. */
'use strict';

const query = `# Ctrl-Enter runs the query. Write the tenant into the headers below, and the ID here.
query Status($id: String!) {
  runtimeStatus(id: $id) {
    lastOperationStatus { id operation state message }
    runtimeConfiguration {
      clusterConfig { name provider region kubernetesVersion }
      kymaConfig { version profile components { component namespace } }
    }
  }
}
`;

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: '/graphql' }),
    defaultQuery: query,
    defaultHeaders: JSON.stringify({ Tenant: '' }, null, 2),
    defaultEditorToolsVisibility: 'headers',
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  }),
);
