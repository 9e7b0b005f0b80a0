import type { Emulator } from 'emulate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fails, run, startGithub, type World } from './world.ts'

/** GitHub: its own OpenAPI description from npm, a personal access token, Link headers, errors by status. */
export const describeGithub = (world: () => World) =>
  describe('GitHub', () => {
    let github: Emulator
    const repository = { owner: 'acme', repo: 'shop' }
    beforeAll(async () => {
      const started = await startGithub(world().tenant)
      github = started.github
      expect(started.report.imported).toBe(started.report.operations)
      expect(started.connected).toMatchObject({ verified: true, connection: { status: 'active' } })
    })
    afterAll(() => github?.close())

    test('what was created is read back, changed and closed', async () => {
      const { tenant } = world()
      const { output: issue } = await run(tenant, 'github', 'issues_create', {
        ...repository,
        title: 'Zażółć "gęślą" jaźń',
        body: 'a\nb & c=d',
        labels: [],
      })
      const read = await run(tenant, 'github', 'issues_get', { ...repository, issue_number: issue.number })
      expect(read.output).toMatchObject({ title: 'Zażółć "gęślą" jaźń', body: 'a\nb & c=d', state: 'open' })
      const closed = await run(tenant, 'github', 'issues_update', {
        ...repository,
        issue_number: issue.number,
        state: 'closed',
      })
      expect(closed.output.state).toBe('closed')
    })

    test('a list is collected over its pages by the Link header, each item once', async () => {
      const { tenant } = world()
      const names = Array.from({ length: 13 }, (_, i) => `label-${i}`)
      for (const name of names)
        await run(tenant, 'github', 'issues_create_label', { ...repository, name, color: 'ededed' })
      const { collected } = await run(
        tenant,
        'github',
        'issues_list_labels_for_repo',
        { ...repository, per_page: 5 },
        { collect: { maxItems: 100 } },
      )
      const found = collected.items.map((label: { name: string }) => label.name)
      expect(found.filter((name: string) => name.startsWith('label-')).toSorted()).toEqual(names.toSorted())
      expect(new Set(found).size).toBe(found.length)
      expect(collected).toMatchObject({ complete: true, pages: 3 })
    })

    test('a missing thing and a refused token say what to do', async () => {
      const { tenant } = world()
      const missing = await fails(tenant, 'github', 'issues_get', { ...repository, issue_number: 9999 })
      expect(missing).toMatchObject({ code: 'upstream_error', data: { status: 404 } })
      const refused = await tenant.call('create_connection', {
        connector: 'github',
        name: 'Second account',
        credentials: { token: '' },
      })
      expect(refused.body).toMatchObject({ code: 'invalid_input', where: 'credentials.token' })
    })
  })
