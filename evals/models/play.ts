import { parseArgs } from 'node:util'
import { startPlayedModel } from './played-model.ts'
import { readScript } from './script.ts'

const { values } = parseArgs({
  options: { script: { type: 'string' }, port: { type: 'string', default: '8790' } },
})
if (values.script === undefined) {
  console.error('node evals/models/play.ts --script FILE [--port 8790]')
  process.exit(2)
}
const { url } = await startPlayedModel(readScript(values.script), Number(values.port))
console.log(`A played model answers at ${url}\n  PATCHBAY_MODEL_BASE_URL=${url} PATCHBAY_MODEL=played`)
