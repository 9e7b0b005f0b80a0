import type { Escape } from './escape.ts'

/** Proxies: traps that receive objects of the host, and proxies in places where the host reads. */
export const proxies: Escape[] = [
  {
    by: 'a proxy around a function that is called with the host’s arguments',
    source: 'vm2 CVE-2023-32314',
    body: `const seen = []; const spy = new Proxy(() => '', { apply(target, self, list) { seen.push(target, self, list, ...list); return 'x' }, construct(t, list, nt) { seen.push(list, nt); return {} } })
      const e = new Error(); e.name = { toString: spy }; e.message = { toString: spy, [Symbol.toPrimitive]: spy }; try { e.stack; String(e) } catch (x) { seen.push(x) }
      console.log({ toJSON: spy }, e); ctx.log.info(e); await ctx.connectors.slack.post({ toJSON: spy }); await fetch({ toString: spy }).catch(() => 0); ctx.state.get('k').then(spy); await ctx.state.get('k').then(spy, spy)
      return [seen.length > 10, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'every trap of a proxy that is sent as arguments',
    source: 'vm2 docs/ATTACKS.md: proxy trap exploitation',
    body: `const seen = []; const traps = {}
      for (const name of Object.getOwnPropertyNames(Reflect)) if (typeof Reflect[name] === 'function') traps[name] = (...list) => { seen.push(...list); return Reflect[name](...list) }
      const answer = await ctx.connectors.slack.post(new Proxy({ a: new Proxy([1], traps) }, traps)); console.log(new Proxy(new Error('x'), traps))
      return [answer, seen.length > 10, loot(...seen)]`,
    gives: [['slack', 'post', { a: [1] }], true, []],
  },
  {
    by: 'a proxy as its output',
    source: 'vm2 CVE-2023-30547',
    body: `const seen = []; return new Proxy({ a: 1 }, { get(t, key) { if (key === 'a') return loot(...seen, this); return Reflect.get(t, key) }, ownKeys(t) { seen.push(t, this); return ['a'] }, getPrototypeOf() { seen.push(this); return null } })`,
    gives: { a: [] },
  },
  {
    by: 'revoked proxies',
    source: 'vm2 docs/ATTACKS.md: Proxy.revocable',
    body: `const { proxy, revoke } = Proxy.revocable(() => 1, {}); revoke(); const caught = []
      for (const f of [() => ctx.connectors.slack.post(proxy), () => ctx.state.get(proxy), () => fetch(proxy), () => fetch('http://a.test/', proxy), () => console.log(proxy), () => ctx.connectors[proxy], () => structuredClone(proxy), () => crypto.getRandomValues(proxy)]) try { await f() } catch (e) { caught.push(e) }
      return [caught.length > 4, loot(...caught)]`,
    gives: [true, []],
  },
  {
    by: 'what stands behind the proxies of ctx',
    source: 'vm2 GHSA-p5gc-c584-jj6v: handlers behind proxies',
    body: `const at = [ctx.connectors, ctx.connectors.slack, ctx.connectors.slack.raw, fastn.connector]
      const facts = at.map((p) => [Object.getPrototypeOf(p), Reflect.ownKeys(p), Reflect.set(p, 'x', 1), Reflect.defineProperty(p, 'x', { value: 1 }), Reflect.deleteProperty(p, 'x'), Reflect.setPrototypeOf(p, {}), 'get' in p, 'toJSON' in p])
      return [facts.every((each) => JSON.stringify(each) === '[null,[],false,false,true,false,false,false]'), loot(...at)]`,
    gives: [true, []],
  },
  {
    by: 'writes through objects that inherit from those of the bridge',
    source: 'vm2 docs/ATTACKS.md: receiver of [[Set]]',
    body: `for (const host of [ctx, ctx.state, ctx.log, ctx.execution, crypto.subtle, ctx.connectors]) { const child = Object.create(host); for (const set of [() => { child.info = 1 }, () => Reflect.set(host, 'x', 1, child), () => Object.assign(Object.create(child), { get: 1 })]) try { set() } catch {} }
      return [typeof ctx.state.get, ctx.x ?? null, ctx.log.info.name === ctx.log.info.name, await ctx.state.get('k')]`,
    gives: ['function', null, true, 'k'],
  },
  {
    by: 'a proxy as the prototype of everything',
    source: 'vm2 docs/ATTACKS.md: prototype chain manipulation',
    body: `const seen = []; const spy = new Proxy({}, { get(t, key, receiver) { seen.push(receiver); return undefined }, has(t, key) { seen.push(key); return false } })
      let done = 0; for (const target of [Array.prototype, Function.prototype, Error.prototype, Promise.prototype, Map.prototype]) try { Object.setPrototypeOf(target, spy); done++ } catch {}
      const answer = await ctx.connectors.slack.raw.post({ a: [1] }); try { ctx.connectors.none } catch (e) { seen.push(e) } console.log([1], new Error('x'))
      return [done, answer.status, loot(...seen).filter((each) => each !== 'an object of another realm')]`,
    gives: [5, 200, []],
  },
  {
    by: 'names of connectors and actions that are objects',
    source: 'vm2 docs/ATTACKS.md: type confusion of keys; SandboxJS CVE-2026-25641',
    body: `let turn = 0; const shifty = { toString: () => turn++ % 2 === 0 ? 'slack' : 'hubspot' }
      const answers = []; for (const f of [() => ctx.connectors[shifty].post({}), () => ctx.connectors[shifty].post({}), () => ctx.connectors[['slack']].post({}), () => ctx.connectors[Symbol.iterator].post({}), () => ctx.connectors.__proto__.post({}), () => ctx.connectors.constructor.post({})])
        try { answers.push((await f())[0]) } catch (e) { answers.push(e.name) }
      return answers`,
    gives: ['slack', 'ForbiddenError', 'slack', 'TypeError', 'ForbiddenError', 'ForbiddenError'],
  },
]
