import { useCallback, useEffect, useRef, useState } from 'react'
import { Refused } from '../shared/request.ts'
import { ApproveCode, type Decision } from './ApproveCode.tsx'
import type { PhonePayment, ScannedCode } from './data.ts'
import { PaymentResult } from './PaymentResult.tsx'
import { payScanned, readScanned } from './phone-calls.ts'
import { Scanner } from './Scanner.tsx'
import { type Heading, ScreenTitle } from './ScreenTitle.tsx'
import { Simulation } from './Simulation.tsx'

type Screen =
  | { name: 'scan'; fault: string | null }
  | { name: 'busy'; text: string }
  | { name: 'approve'; code: ScannedCode; payload: string; fault: string | null; before?: Decision }
  | { name: 'result'; payments: PhonePayment[] }

const words = (error: unknown) => (error instanceof Refused ? error.message : 'Hawker does not answer; is it running?')

/** What the address says was scanned (`#code=…`). */
function codeInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('code')
}

function usePhone() {
  const [screen, show] = useState<Screen>({ name: 'scan', fault: null })
  const read = useCallback(async (payload: string) => {
    show({ name: 'busy', text: 'Reading the code …' })
    try {
      show({ name: 'approve', code: await readScanned(payload), payload, fault: null })
    } catch (error) {
      show({ name: 'scan', fault: words(error) })
    }
  }, [])
  const scan = useCallback(
    async (picture: Blob) => {
      show({ name: 'busy', text: 'Looking for a code …' })
      const { readPicture } = await import('./read-picture.ts')
      const payload = await readPicture(picture).catch(() => null)
      if (payload) return read(payload)
      show({ name: 'scan', fault: payload === null ? 'This file is no picture that can be read.' : 'There is no QR code in this picture.' })
    },
    [read],
  )
  const decide = useCallback(async (code: ScannedCode, payload: string, decision: Decision) => {
    show({ name: 'busy', text: 'Talking to the bank …' })
    const payments: PhonePayment[] = []
    try {
      for (let i = 0; i < (decision.twice ? 2 : 1); i++) payments.push(await payScanned(payload, decision))
      show({ name: 'result', payments })
    } catch (error) {
      show(payments.length > 0 ? { name: 'result', payments } : { name: 'approve', code, payload, fault: words(error), before: decision })
    }
  }, [])
  const again = useCallback(() => {
    history.replaceState(null, '', location.pathname)
    show({ name: 'scan', fault: null })
  }, [])
  return { screen, read, scan, decide, again }
}

/** Takes codes wherever the page gets one: from its address, from the clipboard, from a file that is dropped on it. */
function useArrivals(read: (payload: string) => Promise<void>, scan: (picture: Blob) => Promise<void>): void {
  useEffect(() => {
    const fromAddress = () => {
      const code = codeInAddress()
      if (code) void read(code)
    }
    const paste = (event: ClipboardEvent) => {
      const [file] = event.clipboardData?.files ?? []
      const text = event.clipboardData?.getData('text/plain').trim()
      if (event.target instanceof HTMLElement && event.target.matches('input, textarea') && !file) return
      if (!file && !text) return
      event.preventDefault()
      void (file ? scan(file) : read(text ?? ''))
    }
    const over = (event: DragEvent) => event.preventDefault()
    const drop = (event: DragEvent) => {
      event.preventDefault()
      const [file] = event.dataTransfer?.files ?? []
      const text = event.dataTransfer?.getData('text/plain').trim()
      if (file) void scan(file)
      else if (text) void read(text)
    }
    fromAddress()
    addEventListener('hashchange', fromAddress)
    addEventListener('paste', paste)
    addEventListener('dragover', over)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('hashchange', fromAddress)
      removeEventListener('paste', paste)
      removeEventListener('dragover', over)
      removeEventListener('drop', drop)
    }
  }, [read, scan])
}

/** A phone whose bank app pays what it scans. */
export function PhonePage() {
  const { screen, read, scan, decide, again } = usePhone()
  useArrivals(read, scan)
  const heading = useRef<HTMLHeadingElement>(null)
  const shown = useRef(screen.name)
  // Who reads with their ears is told of each new screen; the first one is read anyway.
  useEffect(() => {
    if (shown.current !== screen.name) heading.current?.focus()
    shown.current = screen.name
  }, [screen.name])
  return (
    <Simulation wide>
      <div className="explained">
        <h1>A phone that pays</h1>
        <p>It stands for a payer’s phone with a bank’s app. Show it the payment code of a checkout, and decide what the payer does.</p>
        <ul>
          <li>Copy a picture of the code and paste it here, or drop or choose a file.</li>
          <li>Or paste what the code says.</li>
          <li>A real phone that opens this page fills its whole screen with the app.</li>
        </ul>
        <p>
          The same can be done by a program: <code>hawker pay</code>, or the API’s <code>/v1/sandbox</code>.
        </p>
      </div>
      <section className="phone" aria-label="The phone">
        <div className="screen">
          <p className="app">Sandbox Bank</p>
          {screen.name === 'scan' ? <Scanner fault={screen.fault} heading={heading} onText={read} onPicture={scan} /> : null}
          {screen.name === 'busy' ? <Busy text={screen.text} heading={heading} /> : null}
          {screen.name === 'approve' ? (
            <ApproveCode
              code={screen.code}
              fault={screen.fault}
              before={screen.before}
              heading={heading}
              onBack={again}
              onDecide={(decision) => void decide(screen.code, screen.payload, decision)}
            />
          ) : null}
          {screen.name === 'result' ? <PaymentResult payments={screen.payments} heading={heading} onBack={again} /> : null}
        </div>
      </section>
    </Simulation>
  )
}

function Busy({ text, heading }: { text: string; heading: Heading }) {
  return (
    <div className="busy">
      <ScreenTitle heading={heading}>{text}</ScreenTitle>
    </div>
  )
}
