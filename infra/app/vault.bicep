param name string
param location string
param tags object

@secure()
param jwtKeys object

@secure()
param geminiApiKey string

@secure()
param emailConnection string

@secure()
param twilioAuthToken string

@secure()
param paypalClientSecret string

@secure()
param vtoToken string

param webPubSubName string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
  }
}

resource push 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = {
  name: webPubSubName
}

resource jwt 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'jwt-keys'
  properties: { value: string(jwtKeys) }
}

resource vto 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'vto-token'
  properties: { value: vtoToken }
}

resource webPubSub 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'webpubsub-connection'
  properties: { value: push.listKeys().primaryConnectionString }
}

resource gemini 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(geminiApiKey)) {
  parent: vault
  name: 'gemini-api-key'
  properties: { value: geminiApiKey }
}

resource email 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(emailConnection)) {
  parent: vault
  name: 'email-connection'
  properties: { value: emailConnection }
}

resource twilio 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(twilioAuthToken)) {
  parent: vault
  name: 'twilio-auth-token'
  properties: { value: twilioAuthToken }
}

resource paypal 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(paypalClientSecret)) {
  parent: vault
  name: 'paypal-client-secret'
  properties: { value: paypalClientSecret }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
