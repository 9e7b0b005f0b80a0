import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { buildLogger } from '../../core/log.ts'
import { openDatabase } from '../../db/database.ts'
import { prepareQueueSchema } from '../../runtime/queue/execution-queue.ts'
import { startPostgres } from './postgres-server.ts'
import { startRedis } from './redis-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A migrated data folder to copy, so that no test file waits for a new one. */
    embeddedTemplate: string
    /** A server with a migrated database `patchbay_template`; null where there is no Postgres. */
    postgresUrl: string | null
    redisUrl: string | null
  }
}

export const TEMPLATE_DATABASE = 'patchbay_template'

/** Runs once before the suite: starts the servers the integration tests use and migrates their templates. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = buildLogger('warn')
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-test-'))
  const embeddedTemplate = join(folder, 'embedded')
  const [postgres, redis] = await Promise.all([
    startPostgres(),
    startRedis(),
    openDatabase({
      databaseUrl: undefined,
      dataDir: embeddedTemplate,
      log,
      prepare: prepareQueueSchema,
    }).then((db) => db.close()),
  ])
  if (postgres !== undefined) {
    const admin = new pg.Client(postgres.url)
    await admin.connect()
    await admin.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`)
    await admin.end()
    const databaseUrl = postgres.url.replace(/\/postgres$/, `/${TEMPLATE_DATABASE}`)
    await (await openDatabase({ databaseUrl, dataDir: folder, log, prepare: prepareQueueSchema })).close()
  }
  project.provide('embeddedTemplate', embeddedTemplate)
  project.provide('postgresUrl', postgres?.url ?? null)
  project.provide('redisUrl', redis?.url ?? null)
  return async () => {
    await Promise.all([postgres?.stop(), redis?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}
