// The try-on container: scaled to zero, reachable from the network alone, on the CPU or on a serverless A100.
param name string
param environmentName string
param registryName string
param location string
param tags object
param networkId string
param subnetId string
param identityId string
param identityPrincipalId string
param identityClientId string
param deployerId string
param storageName string
param vaultName string
param insightsName string
param insightsConnectionString string
param workspaceId string
param gemini bool

@description('What runs; a placeholder until the first deployment.')
param image string

@description('cpu: the engine compact on 2 cores. a100: fashn as well, on a GPU that costs only while it works.')
@allowed(['cpu', 'a100'])
param profile string

param maxReplicas int

var onGpu = profile == 'a100'
var deployed = !empty(image)
// azd replaces the image of an existing app, and nothing else. So the first revision has the port and the probes of the
// service already, and a command that suits both images: the service where it is there, else an answer to every probe.
var placeholder = 'docker.io/library/python:3.13-slim' // as in infra/hooks/prepare.sh
var placeholderCommand = 'if [ -d /app/vto_container ]; then exec python -m vto_container --host 0.0.0.0 --port 8080; fi; exec python -c \'import http.server as s; s.HTTPServer(("", 8080), type("Ok", (s.BaseHTTPRequestHandler,), {"do_GET": lambda r: (r.send_response(200), r.end_headers())})).serve_forever()\''
var blobUri = 'https://${storageName}.blob.${environment().suffixes.storage}'
var secretsUri = 'https://${vaultName}${environment().suffixes.keyvaultDns}/secrets/'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var vaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

var base = [
  { name: 'ENVIRONMENT', value: 'production' }
  { name: 'AZURE_CLIENT_ID', value: identityClientId }
  { name: 'Storage__blobServiceUri', value: blobUri }
  { name: 'Storage__clientId', value: identityClientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insightsConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
  { name: 'MODELS_DIR', value: '/models' }
  { name: 'MODEL_THREADS', value: '2' }
  { name: 'VTO_TOKEN', secretRef: 'vto-token' }
  { name: 'VTO_MODELS_FROM', value: 'models/shipped' }
  { name: 'VTO_EAGER', value: 'true' }
  { name: 'VTO_GRACE_S', value: '50' }
]
var cpuEngines = [
  { name: 'VTO_ENGINE', value: 'compact' }
  { name: 'VTO_ENGINES', value: gemini ? '["gemini"]' : '[]' }
]
var gpuEngines = [
  { name: 'VTO_ENGINE', value: 'fashn' }
  { name: 'VTO_ENGINES', value: gemini ? '["compact", "gemini"]' : '["compact"]' }
  { name: 'VTO_FASHN_FROM', value: 'models/fashn' }
  { name: 'VTO_FASHN_WEIGHTS', value: '/models/fashn' }
  { name: 'VTO_LOAD_TIMEOUT_S', value: '900' }
]
var geminiSettings = gemini ? [{ name: 'GEMINI_API_KEY', secretRef: 'gemini-api-key' }] : []
var tokenSecret = [{ name: 'vto-token', keyVaultUrl: '${secretsUri}vto-token', identity: identityId }]
var geminiSecret = gemini ? [{ name: 'gemini-api-key', keyVaultUrl: '${secretsUri}gemini-api-key', identity: identityId }] : []

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-11-01-preview' = {
  name: registryName
  location: location
  tags: tags
  sku: { name: 'Basic' }
  properties: { adminUserEnabled: false }
}

resource onStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identityPrincipalId, blobDataContributor)
  scope: storage
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

// the operator puts the models there (infra/hooks/models.sh)
resource deployerOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  name: guid(storage.id, deployerId, blobDataContributor)
  scope: storage
  properties: {
    principalId: deployerId
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identityPrincipalId, vaultSecretsUser)
  scope: vault
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', vaultSecretsUser)
  }
}

resource onInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identityPrincipalId, metricsPublisher)
  scope: insights
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

resource onRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identityPrincipalId, acrPull)
  scope: registry
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

resource apps 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: environmentName
  location: location
  tags: tags
  properties: {
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: true
    }
    appLogsConfiguration: { destination: 'azure-monitor' }
    workloadProfiles: concat(
      [{ name: 'Consumption', workloadProfileType: 'Consumption' }],
      onGpu ? [{ name: 'gpu', workloadProfileType: 'Consumption-GPU-NC24-A100' }] : []
    )
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'console'
  scope: apps
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'ContainerAppConsoleLogs', enabled: true }]
  }
}

module zone 'zone.bicep' = {
  name: 'zone'
  params: {
    name: apps.properties.defaultDomain
    address: apps.properties.staticIp
    tags: tags
    networkId: networkId
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'vto' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    environmentId: apps.id
    workloadProfileName: onGpu ? 'gpu' : 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        // beyond the environment, yet not beyond the network: the environment itself is internal
        external: true
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
        // a run lives in one replica: later requests are sent back to it
        stickySessions: { affinity: 'sticky' }
      }
      registries: [{ server: registry.properties.loginServer, identity: identityId }]
      secrets: concat(tokenSecret, geminiSecret)
    }
    template: {
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'vto'
          image: deployed ? image : placeholder
          command: deployed ? null : ['sh', '-c', placeholderCommand]
          resources: onGpu ? { cpu: json('24'), memory: '220Gi' } : { cpu: json('2'), memory: '4Gi' }
          env: concat(base, onGpu ? gpuEngines : cpuEngines, geminiSettings)
          volumeMounts: [{ volumeName: 'models', mountPath: '/models' }]
          // /health answers as soon as the service runs, /ready once the models are loaded, however long that takes.
          probes: [
            { type: 'Startup', httpGet: { path: '/health', port: 8080 }, periodSeconds: 10, failureThreshold: 10 }
            { type: 'Readiness', httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5, failureThreshold: 3 }
            { type: 'Liveness', httpGet: { path: '/health', port: 8080 }, periodSeconds: 10, failureThreshold: 3 }
          ]
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: maxReplicas
        rules: [{ name: 'http', http: { metadata: { concurrentRequests: '4' } } }]
      }
      volumes: [{ name: 'models', storageType: 'EmptyDir' }]
    }
  }
  dependsOn: [onStorage, onVault, onRegistry, onInsights]
}

@description('What callers of the API may choose, the default first: TRYON_ENGINES.')
output engines string = string(concat(onGpu ? ['fashn', 'compact'] : ['compact'], gemini ? ['gemini'] : []))
output url string = 'https://${app.properties.configuration.ingress.fqdn}'
output registryServer string = registry.properties.loginServer
