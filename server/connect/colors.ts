/** What is used where an organization has set no colour. */
export const DEFAULT_COLOR = '#3b4bdb'
/** WCAG 2.2, 1.4.3: text against what it stands on. */
const TEXT_CONTRAST = 4.5
const STEPS = 40

type Rgb = readonly [number, number, number]

const parse = (hex: string): Rgb => [
  Number.parseInt(hex.slice(1, 3), 16),
  Number.parseInt(hex.slice(3, 5), 16),
  Number.parseInt(hex.slice(5, 7), 16),
]

const print = (rgb: Rgb): string =>
  `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`

/** WCAG 2.2: relative luminance. */
function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as unknown as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** WCAG 2.2: contrast ratio, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [one, other] = [luminance(parse(a)), luminance(parse(b))]
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
}

const mix = (color: string, towards: string, share: number): string => {
  const [from, to] = [parse(color), parse(towards)]
  return print(from.map((part, at) => part + ((to[at] ?? 0) - part) * share) as unknown as Rgb)
}

/** The colour, darkened as far as it must be to be read on white. */
export function readableOnWhite(color: string): string {
  for (let step = 0; step <= STEPS; step += 1) {
    const darker = mix(color, '#000000', step / STEPS)
    if (contrast(darker, '#ffffff') >= TEXT_CONTRAST) return darker
  }
  return '#000000'
}

/** Black or white: one of them always reads at 4.5 to 1 or better. */
export const textOn = (color: string): string =>
  contrast('#ffffff', color) >= TEXT_CONTRAST ? '#ffffff' : '#000000'

/** The custom properties the page's style sheet is written in. */
export function themeCss(color: string): string {
  const text = textOn(color)
  const properties = {
    '--primary': color,
    '--on-primary': text,
    // Away from the text, so that it reads better when pointed at, not worse.
    '--primary-hover': mix(color, text === '#ffffff' ? '#000000' : '#ffffff', 0.14),
    '--ink': readableOnWhite(color),
    '--tint': mix(color, '#ffffff', 0.93),
    '--glow': mix(color, '#ffffff', 0.86),
  }
  return `:root{${Object.entries(properties)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')}}\n`
}
