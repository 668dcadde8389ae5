param name string
param planName string
param location string
param tags object
param identityId string
param identityClientId string
param storageName string
param deploymentContainer string
param cosmosEndpoint string
param searchEngine string
param vaultUri string
param insightsConnectionString string
param gemini bool
param email bool
param sms bool
param emailSender string
param twilioAccountSid string
param smsSender string
param paypal bool
param paypalClientId string
param paypalWebhookId string
param paypalMerchantId string
param paypalBaseUrl string
param appUrl string

@description('Origins of the pages that may call the API from a browser.')
param pageOrigins array
param jwtActiveKid string
param vtoUrl string
param vtoEngines string
param subnetId string

@description('Address of the CDN for public pictures; empty: they have that of the API.')
param pictureBaseUrl string

var blobUri = 'https://${storageName}.blob.${environment().suffixes.storage}'
var queueUri = 'https://${storageName}.queue.${environment().suffixes.storage}'

var base = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  Storage__blobServiceUri: blobUri
  Storage__queueServiceUri: queueUri
  Storage__credential: 'managedidentity'
  Storage__clientId: identityClientId
  AZURE_CLIENT_ID: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  // Application Insights takes Entra tokens only; the host and the app read both settings
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
  // freed pictures go back to the system: with an arena for each of 32 threads the process keeps what each once needed
  MALLOC_ARENA_MAX: '2'
  MALLOC_MMAP_THRESHOLD_: '4194304'
  MALLOC_TRIM_THRESHOLD_: '67108864'
  // bytes of the largest body that a route takes, POST api/v1/run with two pictures; the host would read 100 MiB
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '44105728'
  ENVIRONMENT: 'production'
  DOCUMENTS: 'cosmos'
  COSMOS_ENDPOINT: cosmosEndpoint
  COSMOS_DATABASE: 'studio'
  SEARCH_ENGINE: searchEngine
  JWT_KEYS: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/jwt-keys)'
  JWT_ACTIVE_KID: jwtActiveKid
  WEBPUBSUB_CONNECTION: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/webpubsub-connection)'
  WEBPUBSUB_HUB: 'studio'
  TRUSTED_PROXY_HOPS: '1'
  // the only timer that wakes an instance: every second minute keeps an idle month below 3 USD (./studio bench cost)
  SWEEP_SCHEDULE: '0 */2 * * * *'
  APP_URL: appUrl
  ALLOWED_ORIGINS: join(pageOrigins, ',')
  VTO_URL: vtoUrl
  TRYON_ENGINES: vtoEngines
  VTO_TOKEN: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/vto-token)'
}
var geminiSettings = gemini ? { GEMINI_API_KEY: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/gemini-api-key)' } : {}
var emailSettings = email ? { EMAIL_CONNECTION: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/email-connection)', EMAIL_SENDER: emailSender } : { CONFIRM_EMAIL: 'false' }
var smsSettings = sms ? { TWILIO_ACCOUNT_SID: twilioAccountSid, TWILIO_AUTH_TOKEN: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/twilio-auth-token)', SMS_SENDER: smsSender } : {}

var pictureSettings = empty(pictureBaseUrl) ? {} : { PICTURE_BASE_URL: pictureBaseUrl }
var paypalSettings = paypal ? { PAYPAL_CLIENT_ID: paypalClientId, PAYPAL_CLIENT_SECRET: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/paypal-client-secret)', PAYPAL_WEBHOOK_ID: paypalWebhookId, PAYPAL_MERCHANT_ID: paypalMerchantId, PAYPAL_BASE_URL: paypalBaseUrl } : {}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource api 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // the way to the try-on container; everything else is reached as before
    virtualNetworkSubnetId: subnetId
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainer
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 100
        // Nothing is kept running: the hook that subscribes the blob trigger repeats its handshake until the app is awake.
        alwaysReady: []
        triggers: {
          http: { perInstanceConcurrency: 16 }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(base, geminiSettings, emailSettings, smsSettings, paypalSettings, pictureSettings)
  }
}

output url string = 'https://${api.properties.defaultHostName}'
output name string = api.name
