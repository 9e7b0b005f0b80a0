import { expect, test } from 'vitest'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { readRobots } from './robots.ts'

const robots = (text: string, status = 200) =>
  readRobots('https://shop.test', { status, body: new TextEncoder().encode(text) })
const forbidden = 'its robots.txt disallows it'

test('the group that names us counts before the one for everybody', () => {
  const rules = robots(
    'User-agent: *\nDisallow: /\n\nUser-agent: Patchbay\nDisallow: /private\nCrawl-delay: 2',
  )
  expect(rules.forbids('https://shop.test/openapi.json')).toBeUndefined()
  expect(rules.forbids('https://shop.test/private/openapi.json')).toBe(forbidden)
  expect(rules.delayMs).toBe(2000)
})

test('allow stands over a shorter disallow, and wildcards work', () => {
  const rules = robots('User-agent: *\nDisallow: /api\nAllow: /api/openapi.json\nDisallow: /*.yaml$')
  expect(rules.forbids('https://shop.test/api/openapi.json')).toBeUndefined()
  expect(rules.forbids('https://shop.test/api/v1')).toBe(forbidden)
  expect(rules.forbids('https://shop.test/x/openapi.yaml')).toBe(forbidden)
})

test('none allows all; one that fails allows nothing', () => {
  expect(robots('', 404).forbids('https://shop.test/a')).toBeUndefined()
  expect(robots('', 403).closed).toBeUndefined()
  expect(robots('', 503).closed).toMatch(/cannot be read \(status 503\)/)
})

test('one made to take long is bounded, and then nothing is asked', () => {
  const rules = robots(`User-agent: *\n${`Disallow: /${'*a'.repeat(40)}b\n`.repeat(5600)}`)
  const startedAt = cpuMs()
  for (let n = 0; n < 50; n++) rules.forbids(`https://shop.test/${'a'.repeat(n * 40)}`)
  expect(cpuMs() - startedAt).toBeLessThan(1500)
  expect(rules.forbids(`https://shop.test/${'a'.repeat(1900)}`)).toMatch(/too long to judge/)
})
