import type { AgentServer } from './kill-at-every-node.ts'
import type { Body } from './platform.ts'

/** What the only run of a server has told, each as often as it was: sentences, artifacts, questions, the model's text. */
export async function toldByRun({ ok }: AgentServer): Promise<object> {
  const { runs } = await ok('list_agent_runs')
  const { events } = await ok('list_agent_run_events', { run: runs[0].id, limit: 200 })
  const of = (type: string): Body[] =>
    events.flatMap((event: Body) => (event.type === type ? [event.data] : []))
  return {
    messages: of('message').map(({ text }) => text),
    artifacts: of('artifact').map(({ kind, title }) => `${kind}: ${title}`),
    questions: of('handback').map(({ point }) => point),
    said: of('token')
      .map(({ text }) => text)
      .join(''),
  }
}
