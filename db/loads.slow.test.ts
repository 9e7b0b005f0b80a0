import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('each file loads whichever of them comes first: tools are loaded in no order', async () => {
  const files = globSync('{db,runtime/executions,runtime/queue}/*.ts').filter(
    (file) => !/test|thread/.test(file),
  )
  expect(files.length).toBeGreaterThan(50)
  const limit = pLimit(4)
  const failed = await Promise.all(
    files.map((file) =>
      limit(async () => {
        const code = `import(${JSON.stringify(pathToFileURL(file).href)}).then(() => process.exit(0))`
        return run(process.execPath, ['-e', code]).then(
          () => [],
          (error: Error) => [`${file}: ${error.message}`],
        )
      }),
    ),
  )
  expect(failed.flat()).toEqual([])
})
