import { AppError, invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { ToldStep } from '../sandbox/protocol.ts'
import type { BridgeCall, Turn } from '../sandbox/sandbox.ts'
import { beginningOf, failureOf, MAX_SCOPE_LENGTH } from '../sandbox/step-names.ts'
import { label } from './call-labels.ts'
import type { Asked, Recorder } from './recorder.ts'

/** How far from the server's time that of a step may be which the sandbox tells. */
const MAX_SKEW_MS = 24 * 60 * 60 * 1_000

/** `ctx.step`: steps that ask whether they were done, and those that only say that they begin and end. */
export interface StepCalls {
  begin(call: BridgeCall, turn: Turn): Promise<Json>
  /** Ended or failed. */
  end(call: BridgeCall, turn: Turn): Json
  /** @throws AppError `internal` when what is told is not what would have been answered */
  told(step: ToldStep): void
}

export function buildStepCalls({ recorder, now }: { recorder: Recorder; now: () => number }): StepCalls {
  /** Under way, by what they are known by. */
  const open = new Map<string, Asked>()

  const ask = (call: BridgeCall) => recorder.ask(call, 'step', label(call.args[0], 'ctx.step'), call.args)
  const enter = (asked: Asked): void => {
    open.set(asked.key, asked)
  }
  const leave = (scope: string): Asked => {
    const asked = open.get(scope)
    if (asked === undefined) throw invalidInput('This step is not under way.', { where: 'ctx.step' })
    open.delete(scope)
    return asked
  }

  return {
    begin: async (call, turn) => {
      const asked = ask(call)
      const { key: scope, known } = asked
      if (scope.length > MAX_SCOPE_LENGTH)
        throw invalidInput('Steps are nested too deep.', {
          where: 'ctx.step',
          hint: 'Up to about 30 deep is possible; call the inner ones one after the other.',
        })
      if (known?.status === 'done') {
        turn.later()
        return { done: true, value: await recorder.replayStep(scope, known, turn) }
      }
      enter(asked)
      turn.name(beginningOf(scope))
      return { done: false, scope }
    },
    end: (call, turn) => {
      const asked = leave(String(call.args[0]))
      if (call.name === 'step.fail') {
        turn.name(failureOf(asked.key))
        return null
      }
      const row = recorder.row(asked, { output: call.args[1] ?? null })
      recorder.push(row)
      recorder.answer(row, turn)
      return null
    },
    told: (step) => {
      if (step.what !== 'fail' && !(Number.isInteger(step.at) && Math.abs(step.at - now()) < MAX_SKEW_MS))
        throw new AppError('internal', `A step began or ended at ${step.at}.`)
      if (step.what === 'begin') {
        const args = JSON.parse(step.args) as Json[]
        const asked = ask({ name: 'step.begin', args, within: step.within })
        if (asked.key !== step.scope || asked.known !== undefined)
          throw new AppError('internal', `A step began as '${step.scope}' that is '${asked.key}'.`)
        return enter({ ...asked, startedAt: new Date(step.at) })
      }
      const asked = leave(step.scope)
      if (step.what === 'fail') return
      const [, output] = JSON.parse(step.args) as [string, Json?]
      const finished_at = new Date(step.at).toISOString()
      const row = recorder.row(asked, { output: output ?? null, finished_at })
      if (row.seq !== step.seq)
        throw new AppError(
          'internal',
          `A step ended at place ${step.seq} of the record, which is at ${row.seq}.`,
        )
      recorder.push(row)
    },
  }
}
