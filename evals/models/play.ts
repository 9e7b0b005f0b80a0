import { parseArgs } from 'node:util'
import { Misuse, runProgram } from '../../demo/program.ts'
import { startPlayedModel } from './played-model.ts'
import { readScript } from './script.ts'

await runProgram(async () => {
  const { values } = parseArgs({
    options: { script: { type: 'string' }, port: { type: 'string', default: '8790' } },
  })
  if (values.script === undefined)
    throw new Misuse('Name the script to play: npm run played-model -- --script FILE [--port 8790]')
  const { url } = await startPlayedModel(readScript(values.script), Number(values.port))
  console.log(`A played model answers at ${url}\n  PATCHBAY_MODEL_BASE_URL=${url} PATCHBAY_MODEL=played`)
})
