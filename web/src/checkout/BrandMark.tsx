import { type Brand, brandNames } from '../shared/card-brands.ts'
import { CardIcon } from '../ui/icons.tsx'

/** Short enough for a mark; our own lettering, not the schemes' artwork. */
const letters: Record<Brand, string> = { visa: 'VISA', mastercard: 'MC', amex: 'AMEX', diners: 'DINERS', jcb: 'JCB', discover: 'DISC', unionpay: 'UPAY' }

/** The brand that a number begins as. */
export function BrandMark({ brand }: { brand: Brand | undefined }) {
  if (!brand) return <CardIcon />
  return (
    <svg className={`brand brand-${brand}`} viewBox="0 0 38 24" width="38" height="24" role="img" aria-label={brandNames[brand]}>
      <rect className="brand-ground" width="38" height="24" rx="4" />
      <text className="brand-letters" x="19" y="15.8" textAnchor="middle" textLength={letters[brand].length > 4 ? 32 : undefined}>
        {letters[brand]}
      </text>
    </svg>
  )
}
