import { buildLogger } from '../../../core/log.ts'
import { serveMcpStdio } from './stdio.ts'
import { buildTestFactory } from './test-kit.ts'

/** The process the stdio tests start. Its tools change all the time; its stray line must not reach stdout. */
const stdio = serveMcpStdio({ factory: buildTestFactory().factory, log: buildLogger('error') })
console.log('a careless dependency prints this')
setInterval(() => stdio.toolsChanged(), 20).unref()
