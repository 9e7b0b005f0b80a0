import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slugify, snakeCase } from './slug.ts'

test.each([
  ['GitHub v3 REST API', 'github'],
  ["GitHub's official OpenAPI spec + Octokit extension", 'github'],
  ['Stripe API', 'stripe'],
  ['Google Maps Platform API', 'googleMapsPlatform'],
  ['Swagger Petstore - OpenAPI 3.0', 'petstore'],
  ['Café de Flore', 'cafeDeFlore'],
  ['API', 'api'],
  ['7shifts', 'app7shifts'],
  ['日本', 'connector'],
  ['', 'connector'],
])('%j → %s', (name, slug) => {
  expect(slugify(name)).toBe(slug)
})

test('every slug has the form a connector needs', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      expect(slugify(name)).toMatch(/^[a-z][a-zA-Z0-9]{0,63}$/)
    }),
  )
})

test.each([
  ['issues/create-comment', 'issues_create_comment'],
  ['v1.application.list', 'v1_application_list'],
  ['getHTTPResponse', 'get_http_response'],
  ['GetAccountsAccount', 'get_accounts_account'],
])('%s → %s', (text, snake) => {
  expect(snakeCase(text)).toBe(snake)
})
