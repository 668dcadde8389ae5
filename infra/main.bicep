targetScope = 'subscription'

@description('Name of the azd environment; part of every resource name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region; it must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@metadata({ azd: { type: 'location' } })
param location string

@description('Secrets of access tokens by key id, at least 32 bytes each. An object: azd does not escape what it puts into a string.')
@secure()
param jwtKeys object

@description('Id of the key that signs new tokens.')
param jwtActiveKid string = 'k1'

@secure()
param geminiApiKey string = ''

@secure()
param emailConnection string = ''
param emailSender string = ''
param twilioAccountSid string = ''

@secure()
param twilioAuthToken string = ''
param smsSender string = ''

@description('Price tier of Web PubSub: Free_F1 has 20 connections at a time, Standard_S1 1,000.')
@allowed(['Free_F1', 'Standard_S1'])
param pushTier string = 'Free_F1'
param paypalClientId string = ''

@secure()
param paypalClientSecret string = ''

@description('Id that PayPal gives the webhook once its URL, <function URL>/api/paypal/webhook, is registered there.')
param paypalWebhookId string = ''

@description('Payee of every order: the shop\'s own merchant id.')
param paypalMerchantId string = ''
param paypalBaseUrl string = 'https://api-m.sandbox.paypal.com'

@description('Where links in messages lead, with https.')
param appUrl string

@description('Shared secret of the app and the try-on container, at least 32 bytes.')
@secure()
param vtoToken string

@description('Image of the try-on container; azd stores it when it deploys.')
param vtoImage string = ''

@description('cpu or a100: what the try-on container runs on.')
@allowed(['cpu', 'a100'])
param vtoProfile string = 'cpu'
param vtoMaxReplicas int = 2

@description('`fashion-` and 12 digits, the modelId of an answer of search with `-` for `@`, to have its vectors in Cosmos DB; empty searches in process.')
param searchModel string = ''

@description('Region of the studio page; Static Web Apps exist in five regions.')
@allowed(['centralus', 'eastasia', 'eastus2', 'westeurope', 'westus2'])
param pageLocation string = 'westeurope'

@description('What keeps public pictures near shoppers: none, or frontdoor (Azure Front Door Standard).')
@allowed(['none', 'frontdoor'])
param cdn string = 'none'

@description('Address that alerts are sent to; without it they show in the portal only.')
param alertEmail string = ''

@description('Who deploys: may put models into the storage.')
param principalId string = ''

var abbreviations = loadJsonContent('./abbreviations.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var apiName = '${abbreviations.webSitesFunctions}${resourceToken}'
var tags = { 'azd-env-name': environmentName }
// APP_URL may have a path; a browser names a page by scheme, host and port alone, in lower case
var appOrigin = toLower(join(take(split(appUrl, '/'), 3), '/'))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: '${abbreviations.resourcesResourceGroups}${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: '${abbreviations.managedIdentityUserAssignedIdentities}${resourceToken}'
    location: location
    tags: tags
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: '${abbreviations.operationalInsightsWorkspaces}${resourceToken}'
    insightsName: '${abbreviations.insightsComponents}${resourceToken}'
    location: location
    tags: tags
  }
}

module web 'app/web.bicep' = {
  name: 'web'
  scope: group
  params: {
    name: '${abbreviations.webStaticSites}${resourceToken}'
    location: pageLocation
    tags: union(tags, { 'azd-service-name': 'web' })
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: '${abbreviations.storageStorageAccounts}${resourceToken}'
    location: location
    tags: tags
    pageOrigins: [appOrigin, web.outputs.origin]
  }
}

module documents 'app/documents.bicep' = {
  name: 'documents'
  scope: group
  params: {
    name: '${abbreviations.documentDBDatabaseAccounts}${resourceToken}'
    location: location
    tags: tags
    vectorModel: searchModel
  }
}

module push 'app/push.bicep' = {
  name: 'push'
  scope: group
  params: {
    name: '${abbreviations.signalRServiceWebPubSub}${resourceToken}'
    location: location
    tags: tags
    tier: pushTier
  }
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: '${abbreviations.keyVaultVaults}${resourceToken}'
    location: location
    tags: tags
    jwtKeys: jwtKeys
    geminiApiKey: geminiApiKey
    emailConnection: emailConnection
    twilioAuthToken: twilioAuthToken
    paypalClientSecret: paypalClientSecret
    vtoToken: vtoToken
    webPubSubName: push.outputs.name
  }
}

module rbac 'app/rbac.bicep' = {
  name: 'rbac'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    cosmosName: documents.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
  }
}

module network 'app/network.bicep' = {
  name: 'network'
  scope: group
  params: {
    name: '${abbreviations.networkVirtualNetworks}${resourceToken}'
    location: location
    tags: tags
  }
}

module vtoIdentity 'app/identity.bicep' = {
  name: 'vtoIdentity'
  scope: group
  params: {
    name: '${abbreviations.managedIdentityUserAssignedIdentities}vto-${resourceToken}'
    location: location
    tags: tags
  }
}

module vto 'app/vto.bicep' = {
  name: 'vto'
  scope: group
  params: {
    name: '${abbreviations.appContainerApps}${take(resourceToken, 20)}'
    environmentName: '${abbreviations.appManagedEnvironments}${resourceToken}'
    registryName: '${abbreviations.containerRegistryRegistries}${resourceToken}'
    location: location
    tags: tags
    networkId: network.outputs.id
    subnetId: network.outputs.containersSubnetId
    identityId: vtoIdentity.outputs.id
    identityPrincipalId: vtoIdentity.outputs.principalId
    identityClientId: vtoIdentity.outputs.clientId
    deployerId: principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    insightsConnectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    gemini: !empty(geminiApiKey)
    image: vtoImage
    profile: vtoProfile
    maxReplicas: vtoMaxReplicas
  }
}

module api 'app/api.bicep' = {
  name: 'api'
  scope: group
  params: {
    name: apiName
    planName: '${abbreviations.webServerFarms}${resourceToken}'
    location: location
    tags: union(tags, { 'azd-service-name': 'api' })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    cosmosEndpoint: documents.outputs.endpoint
    searchEngine: empty(searchModel) ? 'faiss' : 'cosmos'
    vaultUri: vault.outputs.uri
    insightsConnectionString: monitoring.outputs.connectionString
    gemini: !empty(geminiApiKey)
    email: !empty(emailConnection)
    sms: !empty(twilioAuthToken)
    emailSender: emailSender
    twilioAccountSid: twilioAccountSid
    smsSender: smsSender
    paypal: !empty(paypalClientSecret)
    paypalClientId: paypalClientId
    paypalWebhookId: paypalWebhookId
    paypalMerchantId: paypalMerchantId
    paypalBaseUrl: paypalBaseUrl
    appUrl: appUrl
    pageOrigins: [appOrigin, web.outputs.origin]
    jwtActiveKid: jwtActiveKid
    vtoUrl: vto.outputs.url
    vtoEngines: vto.outputs.engines
    subnetId: network.outputs.functionsSubnetId
    pictureBaseUrl: pictures.outputs.url
  }
  dependsOn: [rbac]
}

module pictures 'app/cdn.bicep' = {
  name: 'pictures'
  scope: group
  params: {
    name: '${abbreviations.cdnProfiles}${resourceToken}'
    tags: tags
    enabled: cdn == 'frontdoor'
    apiHost: '${apiName}.azurewebsites.net'
  }
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module events 'app/events.bicep' = {
  name: 'events'
  scope: group
  params: {
    name: '${abbreviations.eventGridSystemTopics}${resourceToken}'
    location: location
    tags: tags
    storageName: storage.outputs.name
  }
}

output AZURE_FUNCTION_URL string = api.outputs.url
output STUDIO_PAGE_URL string = web.outputs.origin
output AZURE_FUNCTION_NAME string = api.outputs.name
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_EVENTS_TOPIC string = events.outputs.name
output AZURE_STORAGE_NAME string = storage.outputs.name
output AZURE_COSMOS_NAME string = documents.outputs.name
output AZURE_COSMOS_ENDPOINT string = documents.outputs.endpoint
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = vto.outputs.registryServer
output VTO_PROFILE string = vtoProfile
