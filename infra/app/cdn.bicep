// Azure Front Door before the public pictures of products: edges keep what the API lets caches keep, and nothing else.
param name string
param tags object

@description('Without it nothing is made.')
param enabled bool

@description('Host name of the functions.')
param apiHost string

resource profile 'Microsoft.Cdn/profiles@2024-02-01' = if (enabled) {
  name: name
  location: 'global'
  tags: tags
  sku: { name: 'Standard_AzureFrontDoor' }
  properties: {
    originResponseTimeoutSeconds: 60
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2024-02-01' = if (enabled) {
  parent: profile
  name: name
  location: 'global'
  tags: tags
  properties: { enabledState: 'Enabled' }
}

// No health probe: there is one origin, and probes of every edge would keep an idle app awake.
resource origins 'Microsoft.Cdn/profiles/originGroups@2024-02-01' = if (enabled) {
  parent: profile
  name: 'api'
  properties: {
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 50
    }
    sessionAffinityState: 'Disabled'
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2024-02-01' = if (enabled) {
  parent: origins
  name: 'functions'
  properties: {
    hostName: apiHost
    originHostHeader: apiHost
    httpsPort: 443
    priority: 1
    weight: 1000
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
  }
}

// Shop windows alone: what is behind a sign-in never passes an edge. Answers that say `no-cache` or `no-store` are not kept.
resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2024-02-01' = if (enabled) {
  parent: endpoint
  name: 'shop-windows'
  properties: {
    originGroup: { id: origins.id }
    patternsToMatch: ['/api/shops/*']
    supportedProtocols: ['Https']
    httpsRedirect: 'Disabled'
    forwardingProtocol: 'HttpsOnly'
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
    cacheConfiguration: { queryStringCachingBehavior: 'UseQueryString' }
  }
  dependsOn: [origin]
}

output url string = enabled ? 'https://${endpoint.properties.hostName}' : ''
