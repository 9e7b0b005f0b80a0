import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildAddressPolicy, isPublicAddress } from './addresses.ts'

test.each([
  '0.0.0.0',
  '127.0.0.1',
  '127.255.255.254',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '192.0.0.1',
  '168.63.129.16',
  '::ffff:168.63.129.16',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  'fe80::1',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '2001:db8::1',
  'not an address',
])('%s is not a public address', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each(['8.8.8.8', '1.1.1.1', '140.82.121.3', '2606:4700:4700::1111', '2a00:1450:4001::200e'])(
  '%s is a public address',
  (address) => {
    expect(isPublicAddress(address)).toBe(true)
  },
)

test('an IPv4-mapped address is judged exactly as the IPv4 address it carries', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      expect(isPublicAddress(`::ffff:${address}`)).toBe(isPublicAddress(address))
    }),
  )
})

test('an operator can allow names, addresses, ranges and single ports', () => {
  const policy = buildAddressPolicy([
    'localhost',
    'mock:4000',
    '10.0.0.0/8',
    '127.0.0.1:3000',
    '[::1]:99',
    'FD00::/8',
  ])
  expect(policy.allowsHost('LOCALHOST', 1)).toBe(true)
  expect(policy.allowsHost('mock', 4000)).toBe(true)
  expect(policy.allowsHost('mock', 4001)).toBe(false)
  expect(policy.allowsAddress('10.9.9.9', 443)).toBe(true)
  expect(policy.allowsAddress('::ffff:10.9.9.9', 443)).toBe(true)
  expect(policy.allowsAddress('127.0.0.1', 3000)).toBe(true)
  expect(policy.allowsAddress('127.0.0.1', 3001)).toBe(false)
  expect(policy.allowsAddress('::1', 99)).toBe(true)
  expect(policy.allowsAddress('fd12::1', 80)).toBe(true)
  expect(policy.allowsAddress('192.168.0.1', 80)).toBe(false)
})

test('* allows everything, and an empty list only public addresses', () => {
  expect(buildAddressPolicy(['*']).allowsHost('169.254.169.254', 80)).toBe(true)
  expect(buildAddressPolicy([]).allowsHost('localhost', 80)).toBe(false)
  expect(buildAddressPolicy(['']).allowsAddress('127.0.0.1', 80)).toBe(false)
})
