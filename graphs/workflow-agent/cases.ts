import { z } from 'zod'
import { proposeCases } from '../../agents/test-case-agent/agent.ts'
import type { Json } from '../../core/json.ts'
import type { TestCase } from '../../tools/agents/test-case.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { onlyWhen } from '../frame/only-when.ts'
import { decided, feedback } from './decision.ts'
import { made, type Update, type WorkflowState } from './state.ts'
import { mustAsk, unaskedWrites } from './writing.ts'

export async function writeCases(state: WorkflowState, run: RunContext): Promise<Update> {
  const { code, cases, feedback: wanted, plan, onlyMocks } = state
  const { slug, inputSchema } = made(state.stored, 'a stored workflow')
  const before = cases.length === 0 || wanted === '' ? null : { cases, feedback: wanted }
  const proposed = await proposeCases(run, { code, inputSchema, plan, onlyMocks, before })
  await run.artifact({
    kind: 'test_cases',
    title: `Test cases of ${slug}`,
    content: proposed as unknown as Json,
  })
  return { cases: proposed, feedback: '' }
}

const ONLY_MOCKS = 'Give every case the mode mock, with mocks for what it calls.'

export async function approveCases(state: WorkflowState, run: RunContext): Promise<Update> {
  const { cases, input } = state
  const [first, ...rest] = cases.map(({ id }) => id)
  const unasked = cases.every(({ mode }) => mode === 'mock') ? [] : await unaskedWrites(state, run)
  const told =
    unasked.length === 0
      ? ''
      : ` They would write with ${unasked.join(', ')}: run them live (approve), or against mocks (mock)?`
  const answer = await run.handback({
    point: 'after_cases',
    question: `Run these ${cases.length} test cases in ${input.environment}, ${callsOf(cases)}?${told}`,
    details: { cases: cases as unknown as Json, writes: unasked },
    answer: z.object({
      decision: z
        .enum(['approve', 'mock', 'change', 'stop'])
        .describe(
          'approve: run them. mock: write them again, with mocks in place of all apps. change: write them again as feedback says. stop: end here.',
        ),
      leaveOut: onlyWhen(
        z
          .array(z.enum([first ?? '', ...rest]))
          .default([])
          .describe('Cases not to run.'),
        { decision: ['approve'] },
      ),
      feedback: feedback('change', 'mock'),
    }),
    ...(mustAsk(run, unasked) ? {} : { default: { decision: 'approve' as const } }),
  })
  const { decision, feedback: wanted, leaveOut } = answer
  const kept = { cases: cases.filter(({ id }) => !leaveOut.includes(id)) }
  if (decision === 'mock') return { ...kept, onlyMocks: true, feedback: `${ONLY_MOCKS} ${wanted}`.trim() }
  const mayWrite = decision === 'approve' ? { mayWrite: [...state.mayWrite, ...unasked] } : {}
  return { ...kept, ...decided('after_cases', decision, wanted), ...mayWrite }
}

function callsOf(cases: readonly TestCase[]): string {
  const mocked = cases.filter(({ mode }) => mode === 'mock').length
  if (mocked === cases.length) return 'with mocks in place of the apps'
  const live = 'with real calls of the connected accounts'
  return mocked === 0 ? live : `${mocked} with mocks, the others ${live}`
}
