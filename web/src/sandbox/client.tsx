import './sandbox.css'
import './phone.css'
import { hydrateKeepingFields } from '../ui/hydrate.ts'
import { PhonePage } from './PhonePage.tsx'

hydrateKeepingFields(document.getElementById('page') as HTMLElement, <PhonePage />)
