param name string
param location string
param tags object

@allowed(['Free_F1', 'Standard_S1'])
param tier string

resource push 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: tier, capacity: 1 }
  properties: {
    tls: { clientCertEnabled: false }
  }
}

output name string = push.name
