#!/usr/bin/env node
import './compile-cache.ts'

const { runCli } = await import('./cli/program.ts')
process.exitCode = await runCli(process.argv.slice(2), process)
