import { useEffect, useRef } from 'react'
import { TextsProvider, textsOf, useTexts } from '../ui/texts.tsx'
import { AmountPage } from './AmountPage.tsx'
import { Chrome } from './Chrome.tsx'
import { Ending } from './Ending.tsx'
import { Unapplied } from './notices.tsx'
import { Payment } from './Payment.tsx'
import { Summary } from './Summary.tsx'
import type { CheckoutData } from './state.ts'
import { ActionNeeded, Processing, Unsure } from './UnderWay.tsx'
import { type Checkout, useCheckout } from './use-checkout.ts'

/** The hosted page of a payment request or of a business's default link. */
export function CheckoutPage(data: CheckoutData) {
  const checkout = useCheckout(data)
  return (
    <TextsProvider texts={textsOf(data.messages, data.language, checkout.state, checkout.state.business.time_zone)}>
      <Chrome checkout={checkout}>
        <Content checkout={checkout} />
      </Chrome>
    </TextsProvider>
  )
}

const besideSummary = new Set(['pay', 'action', 'processing', 'unsure'])

function Content({ checkout }: { checkout: Checkout }) {
  const { t } = useTexts()
  const { view, connected } = checkout
  const place = useFocusOn(view)
  const offline = (
    <p className="offline" role="status">
      {connected ? '' : t('page.offline')}
    </p>
  )
  if (view === 'amount') return <AmountPage data={checkout.data} />
  if (!besideSummary.has(view)) {
    return (
      <main className="single" ref={place}>
        {offline}
        <Ending checkout={checkout} />
      </main>
    )
  }
  return (
    <main className="columns">
      <Summary checkout={checkout} />
      <div className="payment" ref={place}>
        {offline}
        <Unapplied checkout={checkout} takesFocus />
        {view === 'pay' && <Payment checkout={checkout} />}
        {view === 'action' && <ActionNeeded checkout={checkout} />}
        {view === 'processing' && <Processing checkout={checkout} />}
        {view === 'unsure' && <Unsure checkout={checkout} />}
      </div>
    </main>
  )
}

/** Moves the focus to the heading of a view that replaces another, so that it is read out and the keyboard continues from there. */
function useFocusOn(view: string) {
  const place = useRef<HTMLDivElement>(null)
  const before = useRef(view)
  useEffect(() => {
    if (before.current === view) return
    before.current = view
    const heading = place.current?.querySelector<HTMLElement>('[data-heading]')
    heading?.focus({ preventScroll: true })
    window.scrollTo({ top: 0 })
    // On a phone, a long order is above it.
    if (heading && heading.getBoundingClientRect().bottom > innerHeight) place.current?.scrollIntoView()
  }, [view])
  return place
}
