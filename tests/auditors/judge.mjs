// Reads {documents, requests} from standard input, and writes what iam-simulate decides of each request.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const { runUnsafeSimulation } = createRequire(`${process.argv[2]}/`)('@cloud-copilot/iam-simulate')
const { documents, requests } = JSON.parse(readFileSync(0, 'utf8'))

const named = layer => layer.map(index => ({ name: `${index}`, policy: documents[index] }))
const decide = ({ action, resource, context, layers: [policies, boundary] }) =>
  runUnsafeSimulation(
    {
      request: {
        principal: context['aws:PrincipalArn'],
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: context
      },
      identityPolicies: named(policies),
      permissionBoundaryPolicies: boundary && named(boundary),
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )

process.stdout.write(JSON.stringify(requests.map(decide)))
