/** `0 06 * * *` and `0 6 *\/1 * ?` are the same times. */
export const spelledOut = (cron: string): string =>
  cron
    .trim()
    .split(/\s+/)
    .map((part) => part.replace(/^0+(?=\d)/, '').replace(/^(\*\/1|\?)$/, '*'))
    .join(' ')
