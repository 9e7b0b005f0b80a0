import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type pg from 'pg'
import { childrenOf } from '../../tests/setup/server-process.ts'

export interface ProcessSample {
  name: string
  rssMb: number
  /** Only of processes with the probe in them: the least heap of the period, and what the event loop waits for. */
  heapMb: number | null
  handles: number | null
  /** Open files and sockets. */
  files: number | null
}

const MB = 2 ** 20

/** Looks at a process and at its sandbox processes. `since` holds how much of the probe's file was read before. */
export function watchProcess(
  name: string,
  pid: number,
  probeFile: string,
  since: Map<number, number>,
): ProcessSample[] {
  const probe = readProbe(`${probeFile}.${pid}`, pid, since)
  return [
    { name, rssMb: rssMb(pid), files: openFiles(pid), ...probe },
    ...childrenOf(pid).map((child, index) => ({
      name: `${name}, sandbox ${index + 1}`,
      rssMb: rssMb(child),
      files: openFiles(child),
      heapMb: null,
      handles: null,
    })),
  ]
}

function readProbe(file: string, pid: number, since: Map<number, number>) {
  if (!existsSync(file)) return { heapMb: null, handles: null }
  const from = since.get(pid) ?? 0
  const size = statSync(file).size
  const lines = readFileSync(file).subarray(from, size).toString().split('\n').filter(Boolean)
  since.set(pid, size)
  const seen = lines.map((line) => JSON.parse(line) as { heapUsed: number; handles: number })
  if (seen.length === 0) return { heapMb: null, handles: null }
  return {
    heapMb: Math.min(...seen.map(({ heapUsed }) => heapUsed)) / MB,
    handles: Math.max(...seen.map(({ handles }) => handles)),
  }
}

/** From /proc: 0 where there is none. */
function rssMb(pid: number): number {
  const status = `/proc/${pid}/status`
  if (!existsSync(status)) return 0
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) / 1024
}

const openFiles = (pid: number): number | null =>
  existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : null

export interface DatabaseSample {
  /** Executions by what they wait for. */
  queued: number
  running: number
  waiting: number
  /** Of the period. */
  completed: number
  failed: number
  /** From accepted to completed, of those that did not sleep. */
  p50Ms: number | null
  p99Ms: number | null
  /** Of the whole database, indexes included. */
  databaseMb: number
}

/** Looks at the executions that ended in the last `seconds`, and at those that have not. */
export async function watchDatabase(client: pg.Client, seconds: number): Promise<DatabaseSample> {
  const { rows } = await client.query<Record<keyof DatabaseSample, number>>(
    `WITH ended AS (
       SELECT status, run, extract(epoch FROM finished_at - created_at)::float8 * 1000 AS ms FROM patchbay.executions
       WHERE finished_at > now() - $1 * interval '1 second'),
     open AS (SELECT status, count(*)::int AS n FROM patchbay.executions
       WHERE status IN ('queued', 'running', 'waiting') GROUP BY status)
     SELECT coalesce((SELECT n FROM open WHERE status = 'queued'), 0) AS queued,
       coalesce((SELECT n FROM open WHERE status = 'running'), 0) AS running,
       coalesce((SELECT n FROM open WHERE status = 'waiting'), 0) AS waiting,
       count(*) FILTER (WHERE status = 'completed')::int AS completed,
       count(*) FILTER (WHERE status <> 'completed')::int AS failed,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE status = 'completed' AND run = 1) AS "p50Ms",
       percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) FILTER (WHERE status = 'completed' AND run = 1) AS "p99Ms",
       pg_database_size(current_database())::float8 / ${MB} AS "databaseMb" FROM ended`,
    [seconds],
  )
  const [row] = rows
  if (row === undefined) throw new Error('no row')
  return row
}
