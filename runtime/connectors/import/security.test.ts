import { expect, test } from 'vitest'
import { importSpec } from './index.ts'

const load = async (schemes: object, security: object[], rest: object = {}) =>
  importSpec({
    text: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'T', version: '1' },
      servers: [{ url: 'https://a.example' }],
      components: { securitySchemes: schemes },
      paths: { '/a': { get: { security, ...rest } } },
    }),
  })
const key = (name: string, place = 'header') => ({ type: 'apiKey', in: place, name })
const flow = { authorizationUrl: 'https://a', tokenUrl: 'https://t', scopes: { read: '', write: '' } }

test('schemes that are asked for together become one method that sends both', async () => {
  const { definition, report } = await load(
    {
      appKey: key('X-App-Key'),
      apiKey: key('X-Api-Key'),
      oauth: { type: 'oauth2', flows: { authorizationCode: flow } },
    },
    [
      { apiKey: [], appKey: [] },
      { oauth: ['read'], appKey: [] },
    ],
  )
  expect(report.approximated).toEqual([])
  expect(definition.authMethods).toMatchObject([
    {
      slug: 'apiKey_and_appKey',
      type: 'api_key',
      parameterName: 'X-Api-Key',
      alsoSends: [{ field: 'appKey', in: 'header', parameterName: 'X-App-Key' }],
    },
    { slug: 'oauth_and_appKey', type: 'oauth2', alsoSends: [{ field: 'appKey' }] },
  ])
  expect(definition.actions[0]?.auth).toBeUndefined()
})

test('a header that an auth method sends beside its key is left out of the input', async () => {
  const { definition } = await load(
    { b: { type: 'http', scheme: 'bearer' }, k: key('X-Key') },
    [{ b: [], k: [] }],
    {
      parameters: [{ name: 'x-key', in: 'header', schema: { type: 'string' } }],
    },
  )
  expect(definition.authMethods).toMatchObject([
    { type: 'bearer_token', alsoSends: [{ parameterName: 'X-Key' }] },
  ])
  expect(definition.actions[0]?.parameters).toEqual([])
})

test('two schemes that both want the Authorization header stay apart, and that is reported', async () => {
  const { definition, report } = await load(
    { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    [{ basic: [], bearer: [] }],
  )
  expect(definition.authMethods.map(({ slug }) => slug)).toEqual(['basic', 'bearer'])
  expect(report.approximated[0]?.what).toMatch(/basic and bearer together/)
})

test('oauth2 keeps flow, refresh address and the scopes operations need; a grant for machines is a second method', async () => {
  const { definition } = await load(
    {
      oauth: {
        type: 'oauth2',
        flows: { authorizationCode: { ...flow, refreshUrl: 'https://r' }, clientCredentials: flow },
      },
    },
    [{ oauth: ['read'] }],
  )
  expect(definition.authMethods).toMatchObject([
    { slug: 'oauth', flow: 'authorization_code', refreshUrl: 'https://r', defaultScopes: ['read'] },
    { slug: 'oauth_client_credentials', flow: 'client_credentials', tokenUrl: 'https://t' },
  ])
})

test('openIdConnect is oauth2 with an issuer; a key in the Authorization header keeps the prefix it is described with', async () => {
  const { definition } = await load(
    {
      oidc: {
        type: 'openIdConnect',
        openIdConnectUrl: 'https://id.example/.well-known/openid-configuration',
      },
      bot: { ...key('Authorization'), description: 'Send `Bot <token>`.' },
      bearer: { ...key('Authorization'), description: 'Value: "Bearer {token}"' },
    },
    [{ oidc: ['profile'] }],
  )
  expect(definition.authMethods).toMatchObject([
    { type: 'oauth2', issuer: 'https://id.example', defaultScopes: ['openid', 'profile'] },
    { type: 'api_key', parameterName: 'Authorization', prefix: 'Bot ' },
    { type: 'bearer_token' },
  ])
})

test('a token that is also described as a parameter need not be given', async () => {
  const { definition, report } = await load(
    { oauth: { type: 'oauth2', flows: { authorizationCode: flow } } },
    [{ oauth: [] }],
    {
      parameters: [
        {
          name: 'token',
          in: 'query',
          required: true,
          description: 'Authentication token. Requires scope: `read`',
          schema: { type: 'string' },
        },
      ],
    },
  )
  expect(definition.actions[0]?.inputSchema.required).toEqual([])
  expect(definition.actions[0]?.parameters[0]?.required).toBe(false)
  expect(report.approximated[0]?.what).toContain("'token' may be left out")
})
