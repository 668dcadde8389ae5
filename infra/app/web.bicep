param name string
param tags object

@description('Region of the build service and the metadata; the files are served from everywhere. Static Web Apps exist in five regions.')
@allowed(['centralus', 'eastasia', 'eastus2', 'westeurope', 'westus2'])
param location string

resource page 'Microsoft.Web/staticSites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Free', tier: 'Free' }
  properties: {
    stagingEnvironmentPolicy: 'Disabled'
    allowConfigFileUpdates: true
  }
}

output name string = page.name
output origin string = 'https://${page.properties.defaultHostname}'
