/**
 * Loaded into a process that is watched (`node --import`): writes what only it knows of itself, one JSON line a
 * second. Of the heap the least counts, which is what a collection has left.
 */
import { appendFileSync } from 'node:fs'

const file = process.env.SOAK_PROBE_FILE
if (file !== undefined) {
  setInterval(() => {
    const { heapUsed, external } = process.memoryUsage()
    const handles = process.getActiveResourcesInfo().length
    appendFileSync(`${file}.${process.pid}`, `${JSON.stringify({ heapUsed, external, handles })}\n`)
  }, 1000).unref()
}
