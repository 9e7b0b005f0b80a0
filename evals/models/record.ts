import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startRecorder } from './recorder.ts'

const { values } = parseArgs({
  options: {
    upstream: { type: 'string' },
    out: { type: 'string' },
    port: { type: 'string', default: '8791' },
  },
})
const { upstream, out } = values
if (upstream === undefined || out === undefined) {
  console.error('node evals/models/record.ts --upstream https://…/v1 --out FILE [--port 8791]')
  process.exit(2)
}
const recorder = await startRecorder(upstream, Number(values.port))
console.log(`Recording ${upstream} at ${recorder.url}; Ctrl-C writes ${out}`)
process.once('SIGINT', () => {
  const recording = recorder.recording()
  writeFileSync(out, `${JSON.stringify(recording, null, 2)}\n`)
  console.log(`${recording.turns.length} exchanges written`)
  process.exit(0)
})
