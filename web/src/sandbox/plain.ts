// The simulator's pages that are forms have its style sheet, and need no script.
import './sandbox.css'
import './phone.css'
