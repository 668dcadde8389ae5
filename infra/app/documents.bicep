param name string
param location string
param tags object

@description('Containers of the database, as in shared/documents/containers.py. ttl -1: items live for ever unless they say otherwise.')
param containers array = [
  { name: 'studio', partitionKey: '/userId', ttl: -1, indexed: true }
  { name: 'accounts', partitionKey: '/id', ttl: -1, indexed: true }
  { name: 'tokens', partitionKey: '/id', ttl: 2678400, indexed: true }
  { name: 'payments', partitionKey: '/userId', ttl: -1, indexed: true }
  { name: 'webhook_events', partitionKey: '/id', ttl: 7776000, indexed: true }
  { name: 'idempotency', partitionKey: '/id', ttl: 86400, indexed: true }
  { name: 'audit', partitionKey: '/userId', ttl: 34560000, indexed: true }
  { name: 'rate_limits', partitionKey: '/id', ttl: 86400, indexed: false }
  { name: 'garments', partitionKey: '/tenantId', ttl: -1, indexed: true }
  { name: 'leases', partitionKey: '/id', ttl: -1, indexed: true }
  { name: 'search_index', partitionKey: '/shop', ttl: -1, indexed: true }
  { name: 'embeddings', partitionKey: '/tenantId', ttl: -1, indexed: true }
  { name: 'search_log', partitionKey: '/userId', ttl: 7776000, indexed: true }
]

@description('Where SEARCH_ENGINE is cosmos: the model that makes the vectors, `fashion-` and 12 digits; empty makes no container.')
param vectorModel string = ''

// The policy of vectors can't be changed, so every model has its own container, as functions/search/engine/cosmos_sql.py says.
var vectorDimensions = loadJsonContent('../../models_onnx/fashion_image.manifest.json').dim

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-05-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    minimalTlsVersion: 'Tls12'
    capabilities: [{ name: 'EnableServerless' }, { name: 'EnableNoSQLVectorSearch' }]
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    locations: [{ locationName: location, failoverPriority: 0 }]
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2024-05-15' = {
  parent: account
  name: 'studio'
  properties: {
    resource: { id: 'studio' }
  }
}

resource sqlContainers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2024-05-15' = [
  for container in containers: {
    parent: database
    name: container.name
    properties: {
      resource: {
        id: container.name
        partitionKey: { paths: [container.partitionKey], kind: 'Hash' }
        defaultTtl: container.ttl
        indexingPolicy: {
          indexingMode: 'consistent'
          automatic: true
          includedPaths: container.indexed ? [{ path: '/*' }] : []
          excludedPaths: container.indexed ? [{ path: '/"_etag"/?' }, { path: '/"_write"/?' }] : [{ path: '/*' }]
        }
      }
    }
  }
]

resource vectors 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = if (!empty(vectorModel)) {
  parent: database
  name: 'vectors-${vectorModel}'
  properties: {
    resource: {
      id: 'vectors-${vectorModel}'
      partitionKey: { paths: ['/shop'], kind: 'Hash' }
      defaultTtl: -1
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        includedPaths: [{ path: '/*' }]
        excludedPaths: [{ path: '/vector/*' }, { path: '/"_etag"/?' }]
        // A graph for each shop: without the shard key every search goes over the vectors of all shops.
        vectorIndexes: [{ path: '/vector', type: 'diskANN', vectorIndexShardKey: ['/shop'] }]
      }
      vectorEmbeddingPolicy: {
        vectorEmbeddings: [
          { path: '/vector', dataType: 'float32', distanceFunction: 'cosine', dimensions: vectorDimensions }
        ]
      }
    }
  }
}

output name string = account.name
output endpoint string = account.properties.documentEndpoint
