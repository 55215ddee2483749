import type { FrameMessage } from './tell-frame.ts'

/** The callbacks of a merchant's page; both dialects of HitPay's documentation (behaviour §9.1). */
interface Callbacks {
  onClose?: () => void
  onSuccess?: (data: { payment_request_id: string; status: string; reference_number: string | null }) => void
  onError?: (error: string) => void
}

interface Settings {
  scheme?: string
  domain?: string
  apiDomain?: string
  path?: string
  closeOnError?: boolean
}

interface Toggle {
  paymentRequest?: string | null
  method?: string | null
  amount?: string | number | null
  open?: boolean
}

interface DropIn {
  inited: boolean
  init(defaultUrl: string, options?: (Settings & Callbacks) | null, callbacks?: Callbacks | null): void
  toggle(options?: Toggle | null): void
}

declare global {
  interface Window {
    HitPay?: DropIn
  }
}

/** How long the frame may take until it reports that it is there; without this, a payer would look at nothing. */
const patienceMs = 20_000
/** How long a payer sees that the payment was made. */
const successShownMs = 5_000

// One function and no export: this file is a classic script in a merchant's page (web/vite.config.ts).
;(() => {
  // A theme and a plug-in may both include the script. HitPay's own has no `inited`, and gives way.
  if (window.HitPay && 'inited' in window.HitPay) return

  const script = document.currentScript
  const home = script instanceof HTMLScriptElement ? script.src : ''

  let defaultUrl = ''
  let settings: Settings = {}
  let callbacks: Callbacks = {}
  let address = ''

  let dialog: HTMLDialogElement | undefined
  let frame: HTMLIFrameElement | undefined
  let shownAddress = ''
  let ready = false
  let open = false
  let asked: unknown
  let timer = 0
  let opener: Element | null = null
  let restoreOverflow = () => {}

  /** Runs when the page has a body: the script may be in its head. */
  function whenReady(run: () => void): void {
    if (document.body) run()
    else document.addEventListener('DOMContentLoaded', run, { once: true })
  }

  /** The URL of the frame. What the merchant does not specify is taken from this script's own URL. */
  function frameAddress({ scheme, domain, path }: Settings): string {
    const own = new URL(home || defaultUrl, location.href)
    const host = domain ? domain.replace(/^\w+:\/\//, '').replace(/\/+$/, '') : own.host
    const protocol = scheme ? scheme.replace(/[:/]+$/, '') : host === own.host ? own.protocol.slice(0, -1) : 'https'
    const folder = path ? `/${path.replace(/^\/+|\/+$/g, '')}` : ''
    return new URL(`${protocol}://${host}${folder}/hitpay-iframe.html`).href
  }

  function post(): void {
    if (frame?.contentWindow) frame.contentWindow.postMessage({ type: 'toggle', props: asked }, new URL(shownAddress).origin)
  }

  /**
   * Creates the one frame, in a dialog: it covers everything on the page, even the page's own dialogs, keeps the keyboard focus
   * inside, and restores the focus afterwards.
   */
  function build(): void {
    if (dialog?.isConnected && shownAddress === address) return
    if (dialog) dialog.remove()
    ready = false
    shownAddress = address
    const surface = 'position:fixed;top:0;left:0;width:100vw;height:100vh;border:0;margin:0;padding:0;z-index:99999999;background:transparent;'
    const made = document.createElement('dialog')
    // A style sheet of the page may apply to dialogs; here it must not.
    made.style.cssText = `${surface}display:none;max-width:none;max-height:none;overflow:hidden;box-shadow:none;transform:none;opacity:1`
    made.setAttribute('aria-label', 'Payment')
    frame = document.createElement('iframe')
    // In a color scheme other than that of the frame's own page, the frame would not be transparent.
    frame.style.cssText = `${surface}display:block;color-scheme:light`
    frame.title = 'Payment'
    frame.allow = 'payment'
    frame.src = address
    made.appendChild(frame)
    // Escape, or a phone's gesture for "back", while the focus is in the merchant's page.
    made.addEventListener('close', () => {
      if (!made.open) close()
    })
    document.body.appendChild(made)
    dialog = made
  }

  function show(checkoutOptions: Omit<Toggle, 'open'>): void {
    build()
    if (!dialog || !frame) return
    open = true
    opener = document.activeElement
    const { style } = document.body
    const overflow: [string, string] = [style.getPropertyValue('overflow'), style.getPropertyPriority('overflow')]
    restoreOverflow = () => style.setProperty('overflow', overflow[0], overflow[1])
    style.setProperty('overflow', 'hidden')
    dialog.style.display = 'block'
    if (dialog.showModal) dialog.showModal()
    frame.focus()
    asked = { defaultUrl, ...settings, checkoutOptions }
    if (ready) post()
    else timer = window.setTimeout(failToLoad, patienceMs)
  }

  /** Restores the focus to where it was before the payer paid. */
  function focusOpener(): void {
    if (opener instanceof HTMLElement && opener !== document.body && opener.isConnected) opener.focus({ preventScroll: true })
    else if (frame) frame.blur()
  }

  function close(): void {
    if (!open || !dialog) return
    open = false
    clearTimeout(timer)
    if (dialog.open) dialog.close()
    dialog.style.display = 'none'
    restoreOverflow()
    focusOpener()
    if (callbacks.onClose) callbacks.onClose()
  }

  function fail(error: string, closes: boolean | undefined): void {
    try {
      if (callbacks.onError) callbacks.onError(error)
    } finally {
      if (closes) close()
    }
  }

  /** Nothing is visible and nothing can be clicked, so it closes whatever `closeOnError` says. */
  function failToLoad(): void {
    shownAddress = ''
    fail('The payment page did not load.', true)
  }

  function hear(message: FrameMessage): void {
    if (message.type === 'loaded') {
      ready = true
      clearTimeout(timer)
      if (open) post()
    } else if (message.type === 'toggle') {
      close()
    } else if (message.type === 'success') {
      // Even after the payer has closed: the payment was made, and the merchant's page should know.
      if (open) {
        clearTimeout(timer)
        timer = window.setTimeout(close, successShownMs)
      }
      const { payment_request_id, status, reference_number } = message
      if (callbacks.onSuccess) callbacks.onSuccess({ payment_request_id, status, reference_number })
    } else if (message.type === 'error') {
      fail(message.error, settings.closeOnError)
    }
  }

  window.addEventListener('message', ({ source, origin, data }) => {
    if (!frame || source !== frame.contentWindow || !shownAddress || origin !== new URL(shownAddress).origin) return
    if (data && typeof data === 'object') hear(data)
  })

  // Chromium focuses a frame whose own focused frame is hidden, a moment after it was hidden; hence here.
  window.addEventListener('blur', () => {
    setTimeout(() => {
      if (!open && frame && document.activeElement === frame) focusOpener()
    })
  })

  window.HitPay = {
    /**
     * Stays false. Shops check it before they call `init` for every order, with a new URL and new callbacks; the script
     * that they were written for never sets it. If it were true, they would keep those of the first order.
     */
    inited: false,

    /** Sets the business's link and the callbacks; the last call is used, and there is one frame however often it is called. */
    init(url, options, more) {
      const { onClose, onSuccess, onError, scheme, domain, apiDomain, path, closeOnError }: Settings & Callbacks = { ...options, ...more }
      defaultUrl = url
      callbacks = {}
      if (typeof onClose === 'function') callbacks.onClose = onClose
      if (typeof onSuccess === 'function') callbacks.onSuccess = onSuccess
      if (typeof onError === 'function') callbacks.onError = onError
      settings = { closeOnError: closeOnError === true }
      for (const [name, value] of Object.entries({ scheme, domain, path, apiDomain: apiDomain?.replace(/^api\./, '') })) {
        if (typeof value === 'string') Object.assign(settings, { [name]: value })
      }
      address = frameAddress(settings)
      // A frame that a payer is looking at stays; the next opening uses the new URL.
      if (!open) whenReady(build)
    },

    /** Opens the checkout, or closes it if it is open; `open` says which. */
    toggle(options) {
      if (!address) throw new Error('HitPay.init must be called before HitPay.toggle.')
      const { open: wanted = !open, paymentRequest = null, method = null, amount = null } = options || {}
      if (!wanted) close()
      else if (!open) whenReady(() => show({ paymentRequest, method, amount }))
    },
  }
})()
