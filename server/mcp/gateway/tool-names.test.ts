import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameActions, snakeCase } from './tool-names.ts'

const namesOf = (pairs: readonly [string, string][], reserved: string[] = []) => {
  const named = nameActions(
    pairs.map(([connector, action]) => ({ connector, action })),
    new Set(reserved),
  )
  return new Map([...named].map(([name, { connector, action }]) => [`${connector}.${action}`, name]))
}

test('names are connector and action in snake case', () => {
  expect(snakeCase('googleDrive')).toBe('google_drive')
  expect(snakeCase('HTTPServer2')).toBe('http_server2')
  expect(namesOf([['googleDrive', 'list_files']]).get('googleDrive.list_files')).toBe(
    'google_drive_list_files',
  )
})

test('a connector added later renames no tool, although the words run together alike', () => {
  const alone = namesOf([['foo', 'bar_baz']])
  const both = namesOf([
    ['foo', 'bar_baz'],
    ['fooBar', 'baz'],
  ])
  expect(both.get('foo.bar_baz')).toBe(alone.get('foo.bar_baz'))
  expect(both.get('fooBar.baz')).toMatch(/^foo_bar_baz_[0-9a-f]{7}$/)
})

test('an action never takes the name of a tool of the gateway', () => {
  expect(namesOf([['search', 'actions']], ['search_actions']).get('search.actions')).not.toBe(
    'search_actions',
  )
})

test('any slugs give unique names that every client accepts, the same each time', () => {
  const slug = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,63}$/)
  const action = fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/)
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(slug, action), { selector: ([a, b]) => `${a}.${b}`, maxLength: 40 }),
      (pairs) => {
        const names = namesOf(pairs)
        expect(names.size).toBe(pairs.length)
        expect(new Set(names.values()).size).toBe(pairs.length)
        for (const name of names.values()) expect(name).toMatch(/^[a-z0-9_-]{1,64}$/)
        expect([...namesOf(pairs)]).toEqual([...names])
      },
    ),
  )
})
