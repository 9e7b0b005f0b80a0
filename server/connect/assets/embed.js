/*
 * Patchbay connect, version 1.0.0. Opens a connect link over your page, or in a window of its own:
 *
 *   Patchbay.connect({ url, mode: 'modal' | 'popup', onConnected, onCancelled, onError })
 *
 * gives a promise of {status: 'connected', connection, link} or {status: 'cancelled'}, with `close()` on it. The link must
 * have been made with your page's origin as its openerOrigin.
 */
;(() => {
  const VERSION = '1.0.0'
  const POLL_MS = 1000
  const READY_MS = 20_000

  function connect({
    url,
    mode = 'modal',
    title = 'Connect an account',
    onConnected,
    onCancelled,
    onError,
  } = {}) {
    let end = () => {}
    let settled = false
    let settle
    const promise = new Promise((resolve, reject) => {
      settle = (outcome) => {
        if (settled) return
        settled = true
        end()
        if (outcome instanceof Error) {
          onError?.(outcome)
          reject(outcome)
          return
        }
        if (outcome.status === 'connected') onConnected?.(outcome)
        else onCancelled?.(outcome)
        resolve(outcome)
      }
    })
    if (onError) promise.catch(() => {})
    promise.close = () => settle({ status: 'cancelled' })

    let address
    try {
      address = new URL(url)
      if (!/^https?:$/.test(address.protocol) || !address.searchParams.get('token')) throw new Error()
    } catch {
      settle(failure('invalid_url', 'Patchbay.connect needs the url of a connect link.'))
      return promise
    }
    address.searchParams.set('display', mode === 'popup' ? 'popup' : 'embed')
    const open = mode === 'popup' ? openWindow : openModal
    end = open(address, title, settle)
    return promise
  }

  const failure = (code, message) => Object.assign(new Error(message), { code })

  /** Hears the page, and only it: its window, from its origin. */
  function hear(address, target, on) {
    const listener = ({ origin, source, data }) => {
      if (origin !== address.origin || source !== target() || data?.source !== 'patchbay') return
      if (data.type === 'ready')
        target().postMessage({ source: 'patchbay', version: 1, type: 'hello' }, address.origin)
      on(data)
    }
    addEventListener('message', listener)
    return () => removeEventListener('message', listener)
  }

  const connected = ({ connection, link }) => ({ status: 'connected', connection, link })
  const expired = () => failure('expired', 'The connect link has expired; make a new one.')

  function openModal(address, title, settle) {
    const before = document.activeElement
    const dialog = document.createElement('dialog')
    dialog.className = 'patchbay-connect'
    // Style sheets of this kind need no leave of the page's content security policy.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync('.patchbay-connect::backdrop { background: rgb(16 24 40 / 55%) }')
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
    dialog.setAttribute('aria-label', title)
    Object.assign(dialog.style, {
      width: 'min(28rem, 100vw)',
      maxWidth: '100vw',
      maxHeight: '100dvh',
      padding: '0',
      overflow: 'hidden',
      background: '#fff',
      border: '0',
      borderRadius: '16px',
      boxShadow: '0 24px 64px -16px rgb(16 24 40 / 45%)',
    })
    const frame = document.createElement('iframe')
    frame.title = title
    frame.referrerPolicy = 'no-referrer'
    Object.assign(frame.style, {
      display: 'block',
      width: '100%',
      height: '480px',
      maxHeight: '100dvh',
      border: '0',
      colorScheme: 'light',
    })
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = '×'
    button.setAttribute('aria-label', 'Close')
    Object.assign(button.style, {
      position: 'absolute',
      top: '10px',
      right: '10px',
      width: '36px',
      height: '36px',
      padding: '0',
      color: '#4b5563',
      font: '22px/1 system-ui, sans-serif',
      background: 'transparent',
      border: '0',
      borderRadius: '8px',
      cursor: 'pointer',
    })
    dialog.append(frame, button)
    document.body.append(dialog)

    let outcome = { status: 'cancelled' }
    let ready = false
    const leave = () => settle(outcome)
    const quiet = hear(
      address,
      () => frame.contentWindow,
      (message) => {
        ready = true
        if (message.type === 'resized') frame.style.height = `${Math.min(message.height, innerHeight)}px`
        // The person reads that it worked; then it closes by itself, or by their hand.
        if (message.type === 'connected') outcome = connected(message)
        if (message.type === 'cancelled') leave()
        if (message.type === 'failed') settle(expired())
        if (message.type === 'dismissed') leave()
        if (message.type === 'connected') setTimeout(leave, 1800)
      },
    )
    const late = setTimeout(() => {
      if (!ready)
        settle(
          failure(
            'blocked',
            'The connect page did not load in the frame: was the link made with openerOrigin set to this page’s origin?',
          ),
        )
    }, READY_MS)
    button.addEventListener('click', leave)
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault()
      leave()
    })
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) leave()
    })
    frame.src = address.href
    dialog.showModal()
    frame.focus()
    return () => {
      clearTimeout(late)
      quiet()
      dialog.close()
      dialog.remove()
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet)
      before?.focus?.()
    }
  }

  function openWindow(address, title, settle) {
    const [width, height] = [520, 760]
    const left = Math.max(0, screenX + (outerWidth - width) / 2)
    const top = Math.max(0, screenY + (outerHeight - height) / 2)
    const opened = window.open(
      address.href,
      '_blank',
      `popup,width=${width},height=${height},left=${left},top=${top}`,
    )
    if (!opened) {
      queueMicrotask(() =>
        settle(failure('popup_blocked', `The window '${title}' was blocked: open it on a click.`)),
      )
      return () => {}
    }
    const quiet = hear(
      address,
      () => opened,
      (message) => {
        if (message.type === 'connected') settle(connected(message))
        if (message.type === 'cancelled') settle({ status: 'cancelled' })
        if (message.type === 'failed') settle(expired())
      },
    )
    // A window that went through a provider may not be able to answer any more, and looks closed: the link tells.
    const timer = setInterval(async () => {
      if (!opened.closed) return
      const status = await statusOf(address)
      if (status === undefined) return
      if (status.status === 'completed')
        settle(connected({ connection: status.connectionId, link: status.id }))
      else if (status.status === 'expired') settle(expired())
      else if (!status.authorizing) settle({ status: 'cancelled' })
    }, POLL_MS)
    return () => {
      clearInterval(timer)
      quiet()
      opened.close()
    }
  }

  async function statusOf(address) {
    const url = new URL(`${address.pathname.replace(/\/$/, '')}/api/status`, address)
    const headers = { authorization: `Bearer ${address.searchParams.get('token')}` }
    const answer = await fetch(url, { headers, referrerPolicy: 'no-referrer' }).catch(() => undefined)
    return answer?.ok ? answer.json() : undefined
  }

  window.Patchbay = Object.freeze({ version: VERSION, connect })
})()
