import './hitpay-iframe.css'
import { isToggle, readToggle } from './read-toggle.ts'
import type { FrameMessage } from './tell-frame.ts'
import { wordsFor } from './words.ts'

/**
 * The layer between a merchant's page and the checkout: it opens the checkout that the page requests, and forwards what the
 * checkout reports. It trusts the surrounding window, as the origin that sent the first message, and the frame that it created.
 */
const home = location.origin
const merchant = window.parent
let merchantOrigin: string | undefined

const { language, words } = wordsFor(navigator.languages)
const main = document.querySelector('main') as HTMLElement
const status = document.querySelector('p') as HTMLElement
const button = document.querySelector('button') as HTMLButtonElement

let checkout: HTMLIFrameElement | undefined
let shown = ''
let paymentRequest: string | null = null
/** The checkout has ended or could not be shown: when it is requested again, it is reloaded. */
let over = false

function tell(message: FrameMessage): void {
  if (merchantOrigin !== undefined) merchant.postMessage(message, merchantOrigin)
}

/** `loading`, `checkout`, `away` (another page of the payment, such as a wallet's) or `failed`. */
function view(name: string, text = ''): void {
  document.body.dataset['view'] = name
  status.textContent = text
}

function fail(error: string, text = words.failed): void {
  over = true
  view('failed', text)
  button.focus()
  tell({ type: 'error', error })
}

const closeOnEscape = (event: KeyboardEvent) => {
  if (event.key === 'Escape' && !event.defaultPrevented) tell({ type: 'toggle' })
}

/** The frame's document if we may access it: not that of another site, and not a page that the browser refused to frame. */
function documentIn(frame: HTMLIFrameElement): Document | null {
  try {
    return frame.contentDocument
  } catch {
    return null
  }
}

/** Reports why no checkout is in the frame: the browser does not tell us, so the server is asked. */
async function failToShow(frame: HTMLIFrameElement): Promise<void> {
  const status = await fetch(frame.src, { method: 'HEAD' }).then(
    (answer) => answer.status,
    () => 0,
  )
  if (frame !== checkout) return
  if (status === 200) fail(`The checkout cannot be shown here: ${merchantOrigin} is not among the allowed origins of the business.`)
  else if (status === 404) fail('There is no such payment request or business.', words.unknown)
  else fail('The checkout cannot be shown now.')
}

/** Gives the checkout the keyboard. It may still be the active element from before it was closed: then focusing the element does nothing, but focusing its window does. */
function focusCheckout(): void {
  checkout?.focus()
  checkout?.contentWindow?.focus()
}

/** Follows the checkout through its pages: Escape closes each of ours, and between them we show the way out. */
function follow(frame: HTMLIFrameElement): void {
  let first = true
  frame.addEventListener('load', () => {
    const page = documentIn(frame)
    // Every checkout has the data block that its script continues with.
    if (first && !page?.getElementById('data')) void failToShow(frame)
    // The request that stands for a business's default link leads there, and what is paid is a new one.
    if (first && page && paymentRequest !== null && !page.location.pathname.includes(paymentRequest)) paymentRequest = null
    first = false
    if (!page) return
    page.addEventListener('keydown', closeOnEscape)
    frame.contentWindow?.addEventListener('pagehide', () => view('away'))
  })
}

function open(data: unknown): void {
  const asked = readToggle(data, home)
  if (typeof asked === 'string') {
    fail(asked)
    return
  }
  if (asked.address === shown && !over) {
    focusCheckout()
    return
  }
  checkout?.remove()
  shown = asked.address
  paymentRequest = asked.paymentRequest
  over = false
  view('loading', words.loading)
  const frame = document.createElement('iframe')
  frame.title = words.payment
  frame.allow = 'payment'
  frame.src = asked.address
  follow(frame)
  checkout = frame
  main.append(frame)
  button.focus()
}

function hearMerchant({ data, origin }: MessageEvent): void {
  // A page without an origin of its own (a file, a sandboxed frame) could not be answered.
  if (!isToggle(data) || origin === 'null') return
  merchantOrigin ??= origin
  if (origin === merchantOrigin) open(data)
}

function hearCheckout(message: FrameMessage): void {
  if (message.type === 'loaded') {
    if (document.body.dataset['view'] === 'failed') return
    view('checkout')
    // The page's `load` event waits for its pictures; a payer who presses Escape does not.
    if (checkout) documentIn(checkout)?.addEventListener('keydown', closeOnEscape)
    focusCheckout()
  } else if (message.type === 'toggle') {
    tell({ type: 'toggle' })
  } else if (message.type === 'error') {
    tell({ type: 'error', error: String(message.error) })
  } else if (message.type === 'success' && !over && (paymentRequest === null || message.payment_request_id === paymentRequest)) {
    over = true
    const { payment_request_id, status, reference_number } = message
    tell({ type: 'success', payment_request_id, status, reference_number })
  }
}

document.documentElement.lang = language
document.title = words.payment
button.textContent = words.close
button.addEventListener('click', () => tell({ type: 'toggle' }))
document.addEventListener('keydown', closeOnEscape)

if (merchant !== window) {
  window.addEventListener('message', (event) => {
    if (event.source === merchant) hearMerchant(event)
    else if (checkout && event.source === checkout.contentWindow && event.origin === home && event.data) hearCheckout(event.data)
  })
  // To any surrounding page: it is no secret that this page exists and accepts messages.
  merchant.postMessage({ type: 'loaded' } satisfies FrameMessage, '*')
}
