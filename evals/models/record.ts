import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Misuse, runProgram } from '../../demo/program.ts'
import { startRecorder } from './recorder.ts'

await runProgram(async () => {
  const { values } = parseArgs({
    options: {
      upstream: { type: 'string' },
      out: { type: 'string' },
      port: { type: 'string', default: '8791' },
    },
  })
  const { upstream, out } = values
  if (upstream === undefined || out === undefined)
    throw new Misuse(
      'Name the API to record, and the file to write: npm run record-model -- --upstream https://…/v1 --out FILE [--port 8791]',
    )
  const recorder = await startRecorder(upstream, Number(values.port))
  console.log(`Recording ${upstream} at ${recorder.url}; Ctrl-C writes ${out}`)
  process.once('SIGINT', () => {
    const recording = recorder.recording()
    writeFileSync(out, `${JSON.stringify(recording, null, 2)}\n`)
    console.log(`${recording.turns.length} exchanges written`)
    process.exit(0)
  })
})
