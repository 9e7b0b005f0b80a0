/*
 * What the connect page does beyond its forms and links, which work without this script: shows what was typed,
 * filters the list of apps, says that it is busy, and tells the page that opened it what came of it.
 */
;(() => {
  const { display, state, link, connection, opener: openerOrigin, statusUrl, token } = document.body.dataset
  const live = document.getElementById('live')
  const POLL_MS = 1500

  const say = (text) => {
    if (live) live.textContent = text
  }

  // ---- Fields ----

  for (const input of document.querySelectorAll('input[data-secret]')) {
    const label = document.querySelector(`label[for="${input.id}"]`)?.firstChild?.textContent?.trim() ?? ''
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'reveal'
    const show = (shown) => {
      input.type = shown ? 'text' : 'password'
      button.textContent = shown ? 'Hide' : 'Show'
      button.setAttribute('aria-label', `${shown ? 'Hide' : 'Show'} ${label}`)
      button.setAttribute('aria-pressed', String(shown))
    }
    show(false)
    button.addEventListener('click', () => {
      show(input.type === 'password')
      say(input.type === 'text' ? `${label} is shown` : `${label} is hidden`)
      input.focus()
    })
    // A password manager keeps passwords of people, not keys of apps.
    input.form?.addEventListener('submit', () => show(false))
    input.after(button)
  }

  const summary = document.getElementById('summary')
  const outcome = document.getElementById('outcome')
  const firstField = document.querySelector('#connect .box input')
  if (summary) summary.focus()
  else if (outcome) outcome.focus()
  else if (firstField && display !== 'embed' && matchMedia('(pointer: fine)').matches) firstField.focus()

  // ---- Apps ----

  const filter = document.getElementById('filter')
  const apps = document.getElementById('apps')
  if (filter && apps) {
    filter.parentElement.hidden = false
    filter.addEventListener('input', () => {
      const wanted = filter.value.trim().toLowerCase()
      let found = 0
      for (const item of apps.children) {
        item.hidden = !item.dataset.words.includes(wanted)
        if (!item.hidden) found += 1
      }
      document.getElementById('none').hidden = found > 0
      say(found === 1 ? '1 app found' : `${found} apps found`)
    })
  }

  // ---- Sending ----

  const form = document.getElementById('connect')
  form?.addEventListener('submit', (event) => {
    const button = form.querySelector('.primary')
    if (button.getAttribute('aria-disabled') === 'true') {
      event.preventDefault()
      return
    }
    if (form.target === '_blank') {
      consentBeside()
      return
    }
    const text = button.querySelector('span')
    const before = text.textContent
    button.setAttribute('aria-disabled', 'true')
    text.textContent = button.dataset.busy
    say(button.dataset.busy)
    // A browser shows the page as it was left when a person goes back to it.
    addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return
      button.removeAttribute('aria-disabled')
      text.textContent = before
    })
  })

  // ---- In a frame or window of the product ----

  const product = display === 'embed' ? parent : display === 'popup' ? window.opener : null
  let greeted = false
  const tell = (type, more = {}) => {
    if (!product || product === window || !openerOrigin) return
    product.postMessage({ source: 'patchbay', version: 1, type, link, ...more }, openerOrigin)
  }
  addEventListener('message', ({ origin, source, data }) => {
    if (data?.source !== 'patchbay') return
    if (origin === openerOrigin && source === product && data.type === 'hello') greeted = true
    if (origin === location.origin && data.type === 'consent-ended' && data.link === link) void look()
  })
  addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && display === 'embed' && greeted) tell('dismissed')
  })
  tell('ready', { state, title: document.title })
  if (state === 'completed') tell('connected', { connection })
  if (state === 'cancelled') tell('cancelled')
  if (state === 'expired') tell('failed', { reason: 'expired' })
  if (display === 'embed') {
    const measure = () => tell('resized', { height: Math.ceil(document.body.scrollHeight) })
    new ResizeObserver(measure).observe(document.body)
  }

  for (const button of document.querySelectorAll('[data-close]')) {
    button.hidden = display === 'embed' ? !openerOrigin : !window.opener
    button.addEventListener('click', () => {
      if (display === 'embed') tell('dismissed')
      else close()
    })
  }

  // ---- Consent in a window beside the frame ----

  let polling
  function consentBeside() {
    const [width, height] = [560, 720]
    const left = Math.max(0, screenX + (outerWidth - width) / 2)
    const top = Math.max(0, screenY + (outerHeight - height) / 2)
    const name = `patchbay-${link}`
    const opened = open('about:blank', name, `popup,width=${width},height=${height},left=${left},top=${top}`)
    if (opened) form.target = name
    setTimeout(() => {
      form.target = '_blank'
    })
    say('Go on in the window that was opened.')
    clearInterval(polling)
    polling = setInterval(look, POLL_MS)
  }

  /** The window may have lost its way to this one while it was at the provider. */
  async function look() {
    const answer = await fetch(statusUrl, { headers: { authorization: `Bearer ${token}` } }).catch(
      () => undefined,
    )
    if (!answer?.ok) return
    const { status } = await answer.json()
    if (status === 'pending') return
    clearInterval(polling)
    const url = new URL(location.href)
    url.search = ''
    for (const [key, value] of [
      ['token', token],
      ['display', display],
      ['done', '1'],
    ])
      url.searchParams.set(key, value)
    location.replace(url)
  }

  if (display === 'consent' && state !== 'pending') {
    window.opener?.postMessage({ source: 'patchbay', type: 'consent-ended', link }, location.origin)
    setTimeout(() => close(), 900)
  }
})()
