import { setTimeout as sleep } from 'node:timers/promises'
import type { Doors } from '../doors.ts'
import type { Attempt, Step } from '../suite.ts'

const ENDED = ['completed', 'failed', 'canceled']
const WAIT_SECONDS = 30
const PAUSE_MS = 200

interface Event {
  seq: number
  type: string
  data: Record<string, unknown>
}

/** A question of a run, as its person sees it. */
export interface OpenQuestion {
  point: string
  details: object
  default: object | null
}

export interface AtTheRun {
  /** In `manual` it hands back at every point; `auto` unless given. */
  approval?: 'auto' | 'manual'
  /** What the person says; undefined ends the attempt. What the run itself would take, unless given. */
  answer?(question: OpenQuestion): object | undefined
}

/** Has one of Patchbay's agents do it, and waits until it has ended; where it asks a person, one is played. */
export async function runAgent(
  doors: Doors,
  tool: string,
  input: object,
  { approval = 'auto', answer: answerOf = (question) => question.default ?? undefined }: AtTheRun = {},
): Promise<Attempt> {
  let { run } = await doors.call(tool, { ...input, approval, waitSeconds: WAIT_SECONDS })
  while (!ENDED.includes(run.status)) {
    if (run.status === 'waiting' && run.question !== null) {
      const answer = answerOf(run.question)
      if (answer === undefined) {
        await doors.call('cancel_agent_run', { run: run.id })
        break
      }
      await doors.call('answer_agent_run', { run: run.id, question: run.question.id, answer })
    }
    await sleep(PAUSE_MS)
    ;({ run } = await doors.call('get_agent_run', { run: run.id, waitSeconds: WAIT_SECONDS }))
  }
  const trajectory = stepsOf(await eventsOf(doors, run.id))
  const { inputTokens = 0, outputTokens = 0, costUsd = 0 } = run.usage
  return {
    steps: trajectory.filter(({ kind }) => kind !== 'note').length,
    toolErrors: trajectory.filter(({ kind, error }) => kind === 'tool' && error !== undefined).length,
    tokens: inputTokens + outputTokens,
    money: costUsd,
    trajectory: [
      ...trajectory,
      { kind: 'note', title: `${run.status}${run.error === null ? '' : `: ${run.error.message}`}` },
    ],
    answer: run.output ?? undefined,
  }
}

async function eventsOf(doors: Doors, run: string): Promise<Event[]> {
  const all: Event[] = []
  for (;;) {
    const { events } = await doors.call('list_agent_run_events', { run, after: all.at(-1)?.seq ?? 0 })
    if (events.length === 0) return all
    all.push(...(events as Event[]))
  }
}

/** Tokens of streamed text are left out: the call they belong to is there whole. */
function stepsOf(events: readonly Event[]): Step[] {
  return events.flatMap(({ type, data }): Step[] => {
    if (type === 'tool_call')
      return [
        {
          kind: 'tool',
          title: String(data.tool ?? data.name),
          input: data.input,
          by: data.by === 'model' ? 'model' : 'agent',
          ...(data.error === undefined ? { output: data.output } : { error: JSON.stringify(data.error) }),
          ...(typeof data.durationMs === 'number' ? { seconds: data.durationMs / 1000 } : {}),
        },
      ]
    if (type === 'model_call') return [{ kind: 'model', title: String(data.model), output: data }]
    return type === 'token' ? [] : [{ kind: 'note', title: type, output: data }]
  })
}
