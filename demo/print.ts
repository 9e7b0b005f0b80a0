import { styleText } from 'node:util'

const startedAt = performance.now()
let steps = 0

const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7)
const dim = (text: string) => styleText('dim', text)

export function heading(text: string): void {
  process.stdout.write(`\n${styleText('bold', text)}\n`)
}

/** One thing that was done, and what came of it. */
export function step(what: string, detail = ''): void {
  steps += 1
  process.stdout.write(
    `${dim(seconds())}  ${styleText('green', '✓')} ${what}${detail === '' ? '' : dim(`  ${detail}`)}\n`,
  )
}

export function line(text: string): void {
  process.stdout.write(`             ${text}\n`)
}

export function finish(): void {
  process.stdout.write(`\n${styleText(['bold', 'green'], `Done: ${steps} steps in ${seconds().trim()}`)}\n`)
}

// biome-ignore lint/suspicious/noExplicitAny: the demo prints what the tools answer
type Answer = Record<string, any>

/** An execution as a person wants to see it: how it ended, its logs, its connector calls, its result. */
export function showExecution({ execution }: Answer): void {
  const color = execution.status === 'completed' ? 'green' : 'red'
  line(
    `${dim('execution')} ${execution.id}  ${styleText(color, execution.status)}  ${dim(`attempt ${execution.attempt} of ${execution.maxAttempts}, version ${execution.version}, by ${execution.triggeredBy}`)}`,
  )
  for (const { attempt, lines } of execution.logs)
    for (const log of lines)
      line(
        `${dim('log')}       ${log.level.padEnd(5)} ${log.message}${attempt > 1 ? dim(`  (attempt ${attempt})`) : ''}`,
      )
  for (const trace of execution.traces.toReversed()) {
    const status =
      trace.status === 'success'
        ? styleText('green', String(trace.httpStatus))
        : styleText('red', String(trace.httpStatus ?? trace.status))
    line(
      `${dim('trace')}     ${trace.connector}.${trace.action}  ${status}  ${dim(`${trace.durationMs} ms${execution.attempt > 1 ? `  (attempt ${trace.attempt})` : ''}`)}`,
    )
  }
  if (execution.error) line(`${dim('error')}     ${styleText('red', execution.error.message)}`)
  if (execution.output !== null && execution.output !== undefined)
    line(`${dim('output')}    ${JSON.stringify(execution.output)}`)
}
