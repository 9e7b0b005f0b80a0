import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** What a process that does this writes to its log. */
function logged(statement: string): string {
  const module = JSON.stringify(new URL('log.ts', import.meta.url).href)
  const code = `import { buildLogger } from ${module}; const log = buildLogger('info'); ${statement}`
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).stderr
}

test('an error of the database is logged without the rows and parameters it quotes', () => {
  const line = logged(`
    const error = Object.assign(new Error('violates check constraint'), {
      severity: 'ERROR', routine: 'ExecConstraints', code: '23514',
      detail: 'Failing row contains (private-row)', where: 'unnamed portal parameter $1 = private-parameter',
    })
    log.error({ err: error }, 'failed')`)
  expect(JSON.parse(line)).toMatchObject({
    msg: 'failed',
    err: { code: '23514', message: 'violates check constraint' },
  })
  expect(line).not.toContain('private')
})

test('other errors keep their place, and fields that name credentials do not show', () => {
  const line = logged(`
    log.warn({ err: Object.assign(new Error('no'), { where: 'input.name' }), call: { token: 'private' } }, 'refused')`)
  expect(JSON.parse(line)).toMatchObject({ err: { where: 'input.name' }, call: { token: '[redacted]' } })
})

test('a message alone is logged as it is', () => {
  expect(JSON.parse(logged(`log.warn({ err: 'gone' }, 'lost')`))).toMatchObject({ err: 'gone', msg: 'lost' })
})
