import type { AgentRunEventRow } from '../../db/agent-runs.ts'
import type { ToolContext } from '../define-tool.ts'

/** Tells a waiting client how a run goes: one message for each step, call, sentence and question. */
export const progressOf =
  (context: ToolContext) =>
  (events: readonly AgentRunEventRow[]): void => {
    for (const event of events) {
      const message = sentenceOf(event)
      if (message !== undefined) context.progress({ progress: event.seq, message })
    }
  }

/** An event as a sentence for a person; undefined for those that only programs need. */
export function sentenceOf({ type, data }: Pick<AgentRunEventRow, 'type' | 'data'>): string | undefined {
  switch (type) {
    case 'step':
      return data.phase === 'started' ? `Step: ${String(data.node)}` : undefined
    case 'tool_call':
      return data.error === undefined
        ? `Called ${String(data.tool)}`
        : `${String(data.tool)} failed: ${String(data.error)}`
    case 'message':
      return String(data.text)
    case 'artifact':
      return `Made: ${String(data.title)}`
    case 'handback':
      return `Asks: ${String(data.question)}`
    case 'status':
      return `The run is ${String(data.status)}.`
    default:
      return undefined
  }
}
