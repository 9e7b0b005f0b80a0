// Three durable steps with Restate's SDK; the server calls this endpoint.
import * as restate from '@restatedev/restate-sdk'

const bench = restate.service({
  name: 'bench',
  handlers: {
    three: async (ctx, input) => {
      const a = await ctx.run('one', () => ({ n: input.n + 1 }))
      const b = await ctx.run('two', () => ({ n: a.n + 1 }))
      return ctx.run('three', () => ({ n: b.n + 1 }))
    },
  },
})
restate.serve({ services: [bench], port: Number(process.env.PORT) })
