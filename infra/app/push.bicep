param name string
param location string
param tags object

resource push 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard_S1', capacity: 1 }
  properties: {
    tls: { clientCertEnabled: false }
  }
}

output name string = push.name
