import type { CallExpression, ForOfStatement, LabeledStatement, Node, Program, TryStatement } from 'acorn'
import { base, recursive } from 'acorn-walk'
import type { Edits } from './edit-text.ts'

/** Of one function: how often it may be left and entered again. */
interface InFunction {
  awaits: number
}

const CALLBACKS = /^(?:then|catch|finally|queueMicrotask)$/

/**
 * What to insert into a workflow so that it is known, wherever it goes on after waiting, which step (`ctx.step`) it is
 * part of: each call belongs to the step it is made in, however many are under way. It is what `AsyncContext` would do
 * (tc39/proposal-async-context), which the engine does not have.
 *
 * `s()` gives the step of the code that runs, `r(step, value)` says it and gives the value, `b(callback)` remembers it
 * for a callback. An `await` says it again afterwards; so do a `catch` and a `finally`, before which something may have
 * been waited for, and the rounds and the end of a `for await`.
 *
 * @param own begins the names of the three functions, and is nowhere in the code
 */
export function followSteps(program: Program, own: string): Edits['insertions'] {
  const starts: Edits['insertions'] = []
  const ends: Edits['insertions'] = []
  /** Of loops with labels: the outermost label. */
  const labels = new Map<Node, Node>()
  const again = `${own}r(${own}c);`
  const open = (at: number, text: string) => {
    const insertion = { at, text }
    starts.push(insertion)
    return insertion
  }
  const close = (at: number, text: string) => ends.push({ at, text })

  recursive<InFunction>(
    program,
    { awaits: 0 },
    {
      Function(node, _state, visit) {
        base.Function?.(node, { awaits: 0 }, visit)
      },
      AwaitExpression(node, state, visit) {
        state.awaits++
        open(node.start, `${own}r(${own}s(), `)
        base.AwaitExpression?.(node, state, visit)
        close(node.end, ')')
      },
      CallExpression(node: CallExpression, state, visit) {
        const { callee } = node
        const named = callee.type === 'MemberExpression' && !callee.computed ? callee.property : callee
        const takes = named.type === 'Identifier' && CALLBACKS.test(named.name)
        visit(callee, state)
        for (const argument of node.arguments) {
          const bound = takes && argument.type !== 'SpreadElement'
          if (bound) open(argument.start, `${own}b(`)
          visit(argument, state)
          if (bound) close(argument.end, ')')
        }
      },
      TryStatement(node: TryStatement, state, visit) {
        const before = state.awaits
        const made = [open(node.start, `{const ${own}c=${own}s();`)]
        visit(node.block, state)
        if (node.handler?.param) visit(node.handler.param, state)
        for (const later of [node.handler?.body, node.finalizer]) {
          if (later === null || later === undefined) continue
          made.push(open(later.start + 1, again))
          visit(later, state)
        }
        if (state.awaits > before) close(node.end, '}')
        else for (const insertion of made) insertion.text = ''
      },
      LabeledStatement(node: LabeledStatement, state, visit) {
        labels.set(node.body, labels.get(node) ?? node)
        base.LabeledStatement?.(node, state, visit)
      },
      ForOfStatement(node: ForOfStatement, state, visit) {
        if (!node.await) return base.ForOfStatement?.(node, state, visit)
        state.awaits++
        const { start, end } = labels.get(node) ?? node
        open(start, `{const ${own}c=${own}s();`)
        visit(node.left, state)
        visit(node.right, state)
        open(node.body.start, `{${again}`)
        visit(node.body, state)
        close(node.body.end, '}')
        close(end, `${again}}`)
      },
    },
  )
  return [...ends, ...starts]
}
