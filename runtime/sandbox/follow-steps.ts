import type {
  AssignmentPattern,
  AwaitExpression,
  BlockStatement,
  ForOfStatement,
  ForStatement,
  Function as FunctionNode,
  LabeledStatement,
  Node,
  Program,
  TryStatement,
  VariableDeclaration,
  YieldExpression,
} from 'acorn'
import { base, recursive, type WalkerCallback } from 'acorn-walk'
import type { Edits } from './edit-text.ts'

/** Of one function. */
interface InFunction {
  /** How often it may be left and entered again, so far. */
  awaits: number
  /** An async generator waits at each `yield` and `return` too. */
  generates: boolean
  /** In what a round of a `for await` is taken apart into. */
  taken: boolean
}

const MAKES = /^(?:Arrow)?Function|^Class/

type Visit = WalkerCallback<InFunction>

const disposes = (node: Node | null | undefined) =>
  node?.type === 'VariableDeclaration' && (node as VariableDeclaration).kind === 'await using'

/**
 * What to insert into a workflow so that it is known, wherever it goes on after waiting, which step (`ctx.step`) it is
 * part of: each call belongs to the step it is made in, however many are under way. It is what `AsyncContext` would do
 * (tc39/proposal-async-context), which the engine does not have.
 *
 * `s()` gives the step of the code that runs, `r(step, value)` says it and gives the value. Callbacks and generators are
 * guest/follow.ts. An `await`, and a `yield` that waits, say it again afterwards; so do a `catch` and a `finally`, before
 * which something may have been waited for, and the rounds and the end, however it comes, of a `for await` and of what an
 * `await using` is in.
 *
 * @param own begins the names of the two functions, and is nowhere in the code
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
  const kept = { before: `{const ${own}c=${own}s();try{`, after: `}finally{${again}}}` }
  /** Says its step again after an expression. */
  function resume(node: AwaitExpression | YieldExpression, state: InFunction, visit: Visit) {
    state.awaits++
    open(node.start, `${own}r(${own}s(), `)
    if (node.argument) visit(node.argument, state)
    close(node.end, ')')
  }

  recursive<InFunction>(
    program,
    { awaits: 0, generates: false, taken: false },
    {
      Function(node: FunctionNode, _state, visit) {
        base.Function?.(node, { awaits: 0, generates: node.async && node.generator, taken: false }, visit)
      },
      AwaitExpression: resume,
      YieldExpression(node: YieldExpression, state, visit) {
        if (state.generates) resume(node, state, visit)
        else base.YieldExpression?.(node, state, visit)
      },
      ReturnStatement(node, state, visit) {
        if (state.generates) state.awaits++
        base.ReturnStatement?.(node, state, visit)
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
      BlockStatement(node: BlockStatement, state, visit) {
        const waits = node.body.some(disposes)
        if (waits) {
          state.awaits++
          open(node.start + 1, kept.before)
        }
        base.BlockStatement?.(node, state, visit)
        if (waits) close(node.end - 1, kept.after)
      },
      LabeledStatement(node: LabeledStatement, state, visit) {
        labels.set(node.body, labels.get(node) ?? node)
        base.LabeledStatement?.(node, state, visit)
      },
      ForStatement(node: ForStatement, state, visit) {
        const { start, end } = labels.get(node) ?? node
        const waits = disposes(node.init)
        if (waits) {
          state.awaits++
          open(start, kept.before)
        }
        base.ForStatement?.(node, state, visit)
        if (waits) close(end, kept.after)
      },
      ForOfStatement(node: ForOfStatement, state, visit) {
        if (!node.await && !disposes(node.left)) return base.ForOfStatement?.(node, state, visit)
        state.awaits++
        const { start, end } = labels.get(node) ?? node
        open(start, kept.before)
        const { taken } = state
        state.taken = true
        visit(node.left, state)
        state.taken = taken
        visit(node.right, state)
        open(node.body.start, `{${again}`)
        visit(node.body, state)
        close(node.body.end, '}')
        close(end, kept.after)
      },
      AssignmentPattern(node: AssignmentPattern, state, visit) {
        visit(node.left, state)
        const before = state.taken && !MAKES.test(node.right.type)
        if (before) open(node.right.start, `(${own}r(${own}c),`)
        visit(node.right, state)
        if (before) close(node.right.end, ')')
      },
    },
  )
  return [...ends, ...starts]
}
