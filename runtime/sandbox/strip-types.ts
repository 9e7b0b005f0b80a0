import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'

/** Node's own TypeScript parser said no: `message` and `stack` tell what and where. */
export interface StripFailure {
  message: string
  stack: string
  /** False: not the code's syntax, but the parser itself failed (code nested too deeply, or taking too long). */
  syntax: boolean
}

const TIME_LIMIT_MS = 10_000

const program = `
  const { stripTypeScriptTypes } = require('node:module')
  const { workerData: { port, done } } = require('node:worker_threads')
  process.removeAllListeners('warning')
  port.on('message', (source) => {
    let answer
    try {
      answer = { code: stripTypeScriptTypes(source, { mode: 'strip' }) }
    } catch (error) {
      const syntax = /^ERR_(INVALID|UNSUPPORTED)_TYPESCRIPT_SYNTAX$/.test(error.code) && !/stack space/.test(error.message)
      answer = { failure: { message: String(error.message), stack: String(error.stack), syntax } }
    }
    port.postMessage(answer)
    Atomics.store(done, 0, 1)
    Atomics.notify(done, 0)
  })`

interface Stripper {
  worker: Worker
  port: MessagePort
  done: Int32Array
}
let current: Stripper | undefined

function open(): Stripper {
  const { port1, port2 } = new MessageChannel()
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(program, {
    eval: true,
    workerData: { port: port2, done },
    transferList: [port2],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {},
  })
  worker.unref()
  port1.unref()
  return { worker, port: port1, done }
}

/**
 * TypeScript with its types blanked out in place, or why not. Node's parser is WebAssembly: code nested deeply
 * enough breaks it for good, for whoever comes next in the same thread. So it has a thread of its own, which is
 * given up when it breaks. Waits for the answer, as the parser itself would make us.
 */
export function stripTypes(source: string): { code: string } | { failure: StripFailure } {
  current ??= open()
  const { worker, port, done } = current
  Atomics.store(done, 0, 0)
  port.postMessage(source)
  const waited = Atomics.wait(done, 0, 0, TIME_LIMIT_MS)
  const answer = waited === 'timed-out' ? undefined : receiveMessageOnPort(port)?.message
  if (answer !== undefined && (answer.failure === undefined || answer.failure.syntax)) return answer
  current = undefined
  port.close()
  worker.terminate().catch(() => undefined) // it is given up either way
  return { failure: answer?.failure ?? { message: 'no answer', stack: '', syntax: false } }
}
