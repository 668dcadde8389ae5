// The name of an internal environment, which only this network resolves. A separate module: the name of a resource has to
// be known when its deployment starts, and the environment's domain is known only once the environment exists.
@description('Domain of the environment.')
param name string

@description('Address of the environment in the network.')
param address string
param tags object
param networkId string

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = {
  name: name
  location: 'global'
  tags: tags

  resource everything 'A' = {
    name: '*'
    properties: {
      ttl: 3600
      aRecords: [{ ipv4Address: address }]
    }
  }

  resource link 'virtualNetworkLinks' = {
    name: 'network'
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: networkId }
    }
  }
}
