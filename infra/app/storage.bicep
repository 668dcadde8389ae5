param name string
param location string
param tags object

@description('Blob containers of the app, as in shared/blobs.py.')
param containers array = ['uploads', 'images', 'thumbnails', 'results', 'masks', 'tryon', 'vendor-uploads', 'vendor-rejected', 'exports', 'indexes', 'heatmaps', 'models', 'analytics', 'imports']

@description('Queues that functions read, as in shared/jobs/queues.py; each gets a poison queue.')
param queues array = ['interactive', 'batch', 'delivery', 'index']

@description('Queues that other services write and the sweeper reads.')
param reports array = ['email-reports']

@description('Origins of the pages that PUT uploads by SAS: the shop\'s site and the studio page.')
param pageOrigins array

var deployment = 'deployment'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: false }
    cors: {
      corsRules: [
        {
          allowedOrigins: pageOrigins
          allowedMethods: ['GET', 'HEAD', 'PUT', 'OPTIONS']
          allowedHeaders: ['content-type', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'range', 'x-ms-*']
          exposedHeaders: ['etag', 'content-range', 'content-md5', 'accept-ranges', 'x-ms-*']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

// A SAS does not limit size: what was uploaded and never completed goes after two days, whatever the app does.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'empty-quarantine'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['uploads/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 2 } } }
          }
        }
      ]
    }
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [
  for container in concat(containers, [deployment]): {
    parent: blobService
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource workQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [
  for queue in concat(queues, reports): {
    parent: queueService
    name: queue
  }
]

resource poisonQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [
  for queue in queues: {
    parent: queueService
    name: '${queue}-poison'
  }
]

output name string = account.name
output deploymentContainer string = '${account.properties.primaryEndpoints.blob}${deployment}'
