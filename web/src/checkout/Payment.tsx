import { type Brand, brandNames } from '../shared/card-brands.ts'
import { useTexts } from '../ui/texts.tsx'
import { useAmount } from './AmountField.tsx'
import { BrandMark } from './BrandMark.tsx'
import { CardForm } from './CardForm.tsx'
import { GoForm } from './GoForm.tsx'
import { nameOf } from './method-name.ts'
import { Failure, Notice } from './notices.tsx'
import type { PanelProps } from './panel.ts'
import { QrPanel } from './QrPanel.tsx'
import type { CheckoutMethod } from './state.ts'
import type { Checkout } from './use-checkout.ts'

/** Choosing a payment method, and paying. */
export function Payment({ checkout }: { checkout: Checkout }) {
  const { t } = useTexts()
  const { state, data } = checkout
  const asked = state.request?.amount === null
  const typed = useAmount({ currency: state.currency, decimals: state.decimals, amount: data.amount })
  const amount = asked ? typed.amount : (state.request?.amount ?? null)
  const requireAmount = () => {
    if (!asked) return {}
    const given = typed.require()
    return given === null ? null : { amount: given }
  }
  return (
    <>
      {asked && <section className="panel">{typed.field(t('amount.title'), { autoComplete: 'off' })}</section>}
      <section className="panel">
        <noscript>
          <p className="notice notice-warning">{t('page.noscript')}</p>
        </noscript>
        {checkout.failing && checkout.failing.method !== checkout.method && <Failure checkout={checkout} />}
        {state.methods.length === 0 ? (
          <Notice tone="warning" title={t('methods.none', { business: state.business.name })}>
            {null}
          </Notice>
        ) : (
          <Methods checkout={checkout} amount={amount} requireAmount={requireAmount} />
        )}
      </section>
    </>
  )
}

/** Longer lists are folded after the methods that most payers choose; the server has put those first. */
const longestList = 6
const shownMethods = 4

interface MethodsProps {
  checkout: Checkout
  amount: string | null
  requireAmount: PanelProps['requireAmount']
}

function Methods(props: MethodsProps) {
  const { t, count } = useTexts()
  const { state, method: chosen } = props.checkout
  const all = state.methods
  const first = all.length > longestList ? all.slice(0, shownMethods) : all
  const rest = all.slice(first.length)
  const choices = (methods: CheckoutMethod[]) => (
    <div className="method-list">
      {methods.map((method) => (
        <Choice key={method.code} {...props} method={method} />
      ))}
    </div>
  )
  return (
    <fieldset className="methods">
      <legend>
        <h2 data-heading tabIndex={-1}>
          {t('methods.title')}
        </h2>
      </legend>
      {choices(first)}
      {rest.length > 0 && (
        <details className="more-methods" open={rest.some(({ code }) => code === chosen)}>
          <summary>{t('methods.more', { count: count(rest.length) })}</summary>
          {choices(rest)}
        </details>
      )}
    </fieldset>
  )
}

function Choice({ checkout, amount, requireAmount, method }: MethodsProps & { method: CheckoutMethod }) {
  const { t, money } = useTexts()
  const { state, method: chosen, choose, busy } = checkout
  const isChosen = method.code === chosen
  const brands = (method.brands ?? []).filter((brand): brand is Brand => Object.hasOwn(brandNames, brand))
  return (
    <div className={isChosen ? 'method method-chosen' : 'method'}>
      <label>
        <input
          type="radio"
          name="method"
          value={method.code}
          checked={isChosen}
          disabled={busy && !isChosen}
          aria-labelledby={`name-${method.code}`}
          aria-describedby={brands.length > 0 ? `brands-${method.code}` : undefined}
          onChange={() => choose(method.code)}
        />
        <span className="method-name" id={`name-${method.code}`}>
          {nameOf(state, method.code, t)}
          {method.fee !== null && <small className="method-fee">{t('methods.fee', { fee: money(method.fee) })}</small>}
        </span>
        {brands.length > 0 ? (
          <span className="method-brands" id={`brands-${method.code}`}>
            {brands.map((brand) => (
              <BrandMark key={brand} brand={brand} />
            ))}
          </span>
        ) : (
          <img className="method-mark" src={method.icon_url} alt="" width="44" height="28" />
        )}
      </label>
      {isChosen && (
        <div className="method-panel">
          <Panel checkout={checkout} method={method} total={method.total ?? amount} requireAmount={requireAmount} />
        </div>
      )}
    </div>
  )
}

function Panel(props: PanelProps) {
  const { kind, tokeniser } = props.method
  if (kind === 'card' && tokeniser) return <CardForm {...props} tokeniser={tokeniser} />
  if (kind === 'qr') return <QrPanel {...props} />
  return <GoForm {...props} />
}
