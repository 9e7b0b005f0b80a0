import type { AnyAgent } from '../../graphs/frame/define-agent.ts'
import { drawGraph } from '../../graphs/frame/draw.ts'

const HEAD = `<!-- Written by \`npm run docs\` from the graphs themselves. -->

# Graphs of the agents

Each is drawn by its own code. A box is a node; what a run has done is kept after each round of nodes, and a run goes on from there. [agents.md](agents.md) says what a run is.
`

/** docs/graphs.md: what each agent does, which tools it may call, and its graph. */
export async function renderGraphs(agents: readonly AnyAgent[]): Promise<string> {
  const parts = await Promise.all(agents.map(renderAgent))
  return [HEAD, ...parts].join('\n')
}

async function renderAgent(agent: AnyAgent): Promise<string> {
  const tools = agent.tools.map((tool) => `\`${tool}\``).join(', ')
  return `## ${agent.title} (\`${agent.name}\`)

${agent.description} ${agent.needsModel ? 'Needs a model.' : 'Runs without a model.'}

May call: ${tools === '' ? 'nothing' : tools}.

\`\`\`mermaid
${(await drawGraph(agent)).trim()}
\`\`\`
`
}
