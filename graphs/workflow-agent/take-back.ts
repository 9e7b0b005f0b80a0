import type { Json } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { nothingTakenBack, takeBackBy } from '../frame/taking-back.ts'
import { ledgerOf } from './ledger.ts'
import { made, type Update, type WorkflowState } from './state.ts'
import { lookAt, thingsOf, type Undoing } from './undoing.ts'

/** What rejecting will do, for the person to know before. */
export async function tellRejecting({ stored }: WorkflowState, run: RunContext): Promise<string> {
  const { slug } = made(stored, 'a stored workflow')
  const { workflows, triggers, deployments, mocks } = await ledgerOf(run)
  const more = [
    [triggers.length, 'its triggers'],
    [deployments.size, 'its deployments'],
    [mocks.length, 'the mocks of its test cases'],
  ].flatMap(([count, what]) => (count === 0 ? [] : [what]))
  const also = more.length === 0 ? '' : `, and takes back ${more.join(', ')}`
  const slugs = [...new Set(workflows.map((workflow) => workflow.slug))]
  return slugs.length === 0
    ? `Rejecting puts the draft of ${slug} back as it was before this run${also}; its new versions stay in its history.`
    : `Rejecting deletes ${slugs.join(', ')} with versions and executions${also}; what others have made of it by then stays.`
}

/** Takes back what this run made, and nothing that was there before or that others have made theirs since. */
export async function takeBack(state: WorkflowState, run: RunContext): Promise<Update> {
  const told = nothingTakenBack()
  for (const { name, look } of thingsOf(state, await ledgerOf(run), run)) {
    // Looked at once, right before: run again after a crash, what is taken back already would not be seen any more.
    const { steps, left } = (await run.once(
      name,
      async () => (await look()) as unknown as Json,
    )) as unknown as Undoing
    for (const step of steps) await takeBackBy(run, told, step)
    told.notTakenBack.push(...left)
  }
  const { slug } = made(state.stored, 'a stored workflow')
  const isGone = (await lookAt(run, 'get_workflow', { workflow: slug })) === undefined
  await run.message(
    told.takenBack.length === 0 ? 'Nothing was taken back.' : `Taken back: ${told.takenBack.join('; ')}.`,
  )
  return { undone: told, isGone }
}
