import { expect, test } from 'vitest'
import { addressesIn, passageSaying } from './find-address.ts'

const passage = (content: string, id = 'p1') => ({ id, content, breadcrumb: [], url: null })
const says = (content: string, baseUrl: string) => passageSaying(baseUrl, [passage(content)]) !== undefined

test.each([
  ['All requests go to https://api.example.com/v2.', 'https://api.example.com/v2'],
  ['All requests go to <code>https://api.example.com/v2/</code>.', 'https://api.example.com/v2'],
  ['Base URL: `https://api.example.com/v2`', 'https://api.example.com/v2/'],
  ['curl https://api.example.com/v2/orders?limit=1', 'https://api.example.com/v2'],
  ['The host is api.example.com, over HTTPS.', 'https://api.example.com'],
  ['HTTPS://API.Example.com', 'https://api.example.com'],
  ['On your own machine: http://localhost:8080/api', 'http://localhost:8080/api'],
  ['Use https://{shop}.example.com/api', 'https://{shop}.example.com/api'],
])('%s says %s', (content, baseUrl) => expect(says(content, baseUrl)).toBe(true))

test.each([
  ['All requests go to https://api.example.com/v2', 'https://api.example.com/v1'],
  ['All requests go to https://api.example.com/v25', 'https://api.example.com/v2'],
  ['https://api.example.com.attacker.example/', 'https://api.example.com'],
  ['https://api.example.com@attacker.example/', 'https://api.example.com'],
  ['https://attacker.example/api.example.com', 'https://api.example.com'],
  ['https://attacker.example?next=https://api.example.company', 'https://api.example.com'],
  ['https://not-api.example.com', 'https://api.example.com'],
  ['mail us: help@api.example.com', 'https://api.example.com'],
  ['http://api.example.com', 'https://api.example.com'],
  ['api.example.com', 'http://api.example.com'],
  ['https://api.example.com:8443', 'https://api.example.com'],
  ['https://apiXexample.com', 'https://api.example.com'],
  ['anything', ''],
  ['anything', 'anything'],
  ['https://', 'https://'],
])('%s does not say %s', (content, baseUrl) => expect(says(content, baseUrl)).toBe(false))

test('the passage that says it is given, and what stands in passages is listed once', () => {
  const passages = [
    passage('Hooks come from https://hooks.example.com.', 'p1'),
    passage('Send to (https://api.example.com/v2), or https://hooks.example.com', 'p2'),
  ]
  expect(passageSaying('https://api.example.com/v2', passages)?.id).toBe('p2')
  expect(addressesIn(passages)).toEqual([
    { address: 'https://hooks.example.com', passage: 'p1' },
    { address: 'https://api.example.com/v2', passage: 'p2' },
  ])
})
