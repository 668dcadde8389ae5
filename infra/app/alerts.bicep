// Alerts on what the app logs as errors that would otherwise go unnoticed. Each looks at the last 15 minutes.
param location string
param tags object
param workspaceId string

@description('Where alerts are sent; empty makes rules that show in the portal only.')
param email string

// Names of log lines (shared/telemetry.py) of the app, and of the try-on container by its console.
var rules = [
  {
    name: 'dead-letters'
    severity: 1
    summary: 'A job used up its attempts. List dead letters with ./studio replay list, or GET /api/admin/dead-letters.'
    events: '"job.ended"'
    also: '| where tostring(line.status) == "dead"'
  }
  {
    name: 'refused-engines'
    severity: 1
    summary: 'The try-on container, a model or the settings of the app were refused: nothing goes on until an operator acts.'
    events: '"vto.refused", "vto.engine_refused", "vto.not_understood", "model.refused", "settings.unusable"'
    also: ''
  }
  {
    name: 'failed-sweeps'
    severity: 2
    summary: 'A sweep failed: what a crash or an outage has left is not finished.'
    events: '"sweep.failed", "poison.failed", "job.poison_failed"'
    also: ''
  }
  {
    name: 'poisoned-blobs'
    severity: 2
    summary: 'The blob trigger gave up on a file; the catalogue sweep records it within minutes.'
    events: '"blob.poisoned"'
    also: ''
  }
]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'operators'
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    properties: {
      displayName: rule.name
      description: rule.summary
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT15M'
      autoMitigate: true
      // the tables of a new workspace do not exist before the first lines arrive, and a query over them is refused
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: 'union isfuzzy=true (AppTraces | project body = Message), (ContainerAppConsoleLogs | project body = Log) | extend line = parse_json(body) | where tostring(line.event) in (${rule.events}) ${rule.also}'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: empty(email) ? { actionGroups: [] } : { actionGroups: [group.id] }
    }
  }
]
