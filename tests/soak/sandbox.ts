/**
 * `npm run soak:sandbox [executions]`: 100,000 executions of all kinds (results, errors, logs, calls, limits hit,
 * cancellations) through one sandbox process, and what it holds after 1 %, 50 % and 100 % of them.
 */
import { soakSandbox } from '../../runtime/sandbox/soak.ts'

const total = Number(process.argv[2] ?? 100_000)
const startedAt = performance.now()
console.log(`${total} executions through one sandbox process`)
await soakSandbox(total, (figures) => {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
  const { at, pid, rssBytes, heapBytes, idleIsolates, executions, handles, threads, files, mappings } =
    figures
  console.log(
    [
      `${String(at * 100).padStart(3)} %  ${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`,
      `process ${pid}`,
      `memory ${megabytes(rssBytes)}`,
      `heap ${megabytes(heapBytes)}`,
      `idle isolates ${idleIsolates}`,
      `executions ${executions}`,
      `handles ${handles}`,
      `threads ${threads}`,
      `files ${files}`,
      `mappings ${mappings}`,
    ].join('   '),
  )
})
