import { stem, wordsOf } from '../../runtime/search/words.ts'

/**
 * What people say for what tools are named: things first, then what is done with them. One word of a tool's name a
 * line, then the words that may mean it. General usage only: wishes that a measurement asks for do not belong here.
 */
const lines = `
customer: client tenant company user organisation firm end-user
organization: company organisation our
connector: app integration service vendor api definition provider
action: call operation endpoint request method
connection: account login credential linked hooked hook link unlink authorise authorize password signed
workflow: automation script integration job code source
execution: run job runs
version: revision release edition
deploy: release live ship production staging rollout publish
publish: freeze release immutable
environment: stage production staging dev
trigger: hook incoming url post start starts
webhook: hook incoming url post delivery
webhook_endpoint: notify notification notified told backend address report
scheduler: timetable cron timer timed clock nightly night hourly hour daily weekly every
secret: password confidential token sensitive
config: setting parameter variable value
api_key: token key access credential
docs: manual handbook documentation reference guide page
event: happened arrived delivery came incoming
trace: request outgoing http
file: document pdf csv image upload content attachment
agent: ai assistant builder bot
agent_run: ai builder job
model: ai llm token cost
usage: billing consumption cost spent burn
approval: decision sign-off consent approve waiting
spec: openapi swagger postman description yaml specification document
oauth_app: client consent provider registered vendor redirect scope
connect_link: invitation url mailed mail page invite authorise
dead_letter: gave up failed final
drift: changed differ match still
audit: who changed record history protocol
checkpoint: point back
whoami: permission current logged session
delete: remove erase wipe throw drop scrap rid forget discard clear gone obsolete
create: new add make register set-up start save define store issue produce generate onboard
list: which all every show overview enumerate many exist
get: show see tell look inspect detail state
update: change edit correct modify rename switch set pause better adjust suspend swap
search: find look locate
cancel: stop abort withdraw useless halt
run: execute start trigger fire kick call try now
replay: again redo repeat rerun retry
redeliver: resend again repeat
rollback: undo back revert previous
restore: back revert undo earlier previous
rewind: back undo otherwise
rotate: swap re-encrypt new exchange renew
pin: hold freeze keep stay held frozen
unpin: hold free move
test: check verify exercise try verdict sandbox
verify: check valid still works
validate: check compile lint mistakes accept
diff: compare changed difference between
import: load turn bring take read
export: dump write git file
upload: store keep put transfer
revoke: disable invalidate leaked stop
fix: repair mend broken correct patch
repair: mend bring broken fix
answer: reply respond
`

/** Stems of tools' words that a stem may stand for, each with its share of the meaning. */
const meanings = new Map<string, Map<string, number>>()
for (const line of lines.trim().split('\n')) {
  const [name = '', said = ''] = line.split(': ')
  const meant = wordsOf(name).map(stem)
  for (const word of said.split(' ').map((one) => stem(wordsOf(one).join('')))) {
    const known = meanings.get(word) ?? new Map<string, number>()
    // "run" of a thing called agent_run is half of what was said.
    for (const one of meant) known.set(one, Math.max(known.get(one) ?? 0, 1 / meant.length))
    meanings.set(word, known)
  }
}

/** What a person may mean by a word, in the words of tools. */
export const meaningsOf = (stemmed: string): ReadonlyMap<string, number> => meanings.get(stemmed) ?? nothing
const nothing: ReadonlyMap<string, number> = new Map()
