#!/usr/bin/env node
import './compile-cache.ts'

// Whoever reads the output may have read enough (`| head`): that is no fault, and nobody is left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const { runCli } = await import('./cli/program.ts')
process.exitCode = await runCli(process.argv.slice(2), process)
