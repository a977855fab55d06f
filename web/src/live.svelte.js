// The live view of the service, asked for once a second; resumes by itself when the service comes back.
export const live = $state({ view: null, stopped: false })

const COLOURS = ['var(--c0)', 'var(--c1)', 'var(--c2)', 'var(--c3)', 'var(--c4)']

export function colourOf(index) {
  return COLOURS[index % COLOURS.length]
}

// Canvas needs the colour itself.
export function paint(index) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--c${index % COLOURS.length}`).trim()
}

export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

const WORDS = { thompson: 'Thompson sampling', editor: "Editors' pick", epsilon_greedy: 'Epsilon-greedy', ucb1: 'UCB1' }

export function label(placement) {
  const policy = placement.policy.split('@')[0]
  const words = WORDS[policy] ?? policy
  const alone = live.view.placements.filter((other) => other.policy.split('@')[0] === policy).length === 1
  return alone || placement.name === policy ? words : `${words} (${placement.name})`
}

export const percent = (share, digits = 1) => (share === null || share === undefined ? '–' : `${(100 * share).toFixed(digits)} %`)
export const whole = (number) => Math.round(number).toLocaleString('en')

async function ask() {
  try {
    const response = await fetch('/v1/live', { signal: AbortSignal.timeout(5000), cache: 'no-store' })
    if (!response.ok) throw new Error(String(response.status))
    live.view = await response.json()
    live.stopped = false
  } catch {
    live.stopped = true
  }
  setTimeout(ask, 1000)
}

ask()
