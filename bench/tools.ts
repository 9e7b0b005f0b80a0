import { readFileSync } from 'node:fs'
import { intents } from '../evals/suites/choose-tool/intents.ts'
import { rankTools } from '../tools/catalog/rank-tools.ts'
import { loadTools } from '../tools/registry.ts'

interface Wish {
  tools: readonly string[]
  says: readonly string[]
}

const PLACES = [1, 3, 5, 10]
const development = new URL('./questions/tools.json', import.meta.url)

/**
 * How often `search_tools` puts the tool that a wish is for among its first: on the wishes its ranking was chosen with,
 * and on those of the suite choose-tool, which are for other tools.
 */
export async function benchTools(): Promise<void> {
  const { all } = await loadTools()
  const { wishes } = JSON.parse(readFileSync(development, 'utf8')) as { wishes: Wish[] }
  console.log(
    `  ${all.length} tools             wishes  ${PLACES.map((place) => `in the first ${place}`.padStart(16)).join('')}`,
  )
  for (const [name, set] of [
    ['development', wishes],
    ['choose-tool', intents as readonly Wish[]],
  ] as const) {
    const ranks = set.flatMap(({ tools, says }) =>
      says.map((wish) => rankTools(all, wish).findIndex((tool) => tools.includes(tool.name))),
    )
    const shares = PLACES.map((place) => {
      const found = ranks.filter((rank) => rank >= 0 && rank < place).length
      return `${((100 * found) / ranks.length).toFixed(1)} %`.padStart(16)
    })
    console.log(`  ${name.padEnd(20)} ${String(ranks.length).padStart(8)}  ${shares.join('')}`)
  }
}
