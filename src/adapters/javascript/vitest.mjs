// Tells liveloop what vitest does, while it does it. For vitest 3 and later.

import { createRequire } from 'node:module'

const { Wire, kept, unique } = createRequire(import.meta.url)('./liveloop_wire.cjs')

export default class Liveloop {
  onInit(vitest) {
    this.wire = new Wire('vitest', vitest.version ?? '')
    this.ids = new Map()
    this.printed = new Map()
    this.broken = new Set()
    this.filtered = Boolean(vitest.config?.testNamePattern) && this.wire.wanted === null
    this.left = Infinity
    this.deselected = 0
  }

  onTestRunStart(specifications) {
    this.left = specifications.length
    if (this.left === 0) this.wire.send('collection_done', {})
  }

  onTestModuleCollected(module) {
    const file = this.wire.file(module.moduleId)
    const project = module.project?.name ? ` [${module.project.name}]` : ''
    const used = new Map()
    const items = []
    for (const test of module.children.allTests()) {
      const id = unique(`${file}::${test.fullName}${project}`, used)
      if (!this.wire.wants(id)) continue
      this.ids.set(test.id, id)
      items.push([id, file, test.location?.line ?? 0])
    }
    if (items.length > 0) this.wire.send('collected', { items })
    this.breaks(module)
    this.left -= 1
    if (this.left === 0) this.wire.send('collection_done', {})
  }

  onTestModuleEnd(module) {
    this.breaks(module)
  }

  // A module that could not be loaded says so when it is collected, in some versions only at its end.
  breaks(module) {
    const errors = module.errors?.() ?? []
    if (errors.length === 0 || this.broken.has(module.id) || !module.children.allTests().next().done) return
    this.broken.add(module.id)
    const file = this.wire.file(module.moduleId)
    this.wire.send('collect_error', { module: file, message: said(errors[0]), longrepr: told(errors) })
  }

  onTestCaseReady(test) {
    const id = this.ids.get(test.id)
    if (id === undefined || this.wire.collectOnly || test.result().state !== 'pending') return
    this.wire.send('start', { id, at: Date.now() / 1000 })
  }

  onTestCaseResult(test) {
    const id = this.ids.get(test.id)
    if (id === undefined || this.wire.collectOnly) return
    const result = test.result()
    const diagnostic = test.diagnostic?.()
    const at = Date.now() / 1000
    const s = (diagnostic?.duration ?? 0) / 1000
    const output = kept(this.printed.get(test.id) ?? '')
    this.printed.delete(test.id)
    if (result.state === 'skipped') {
      const broken = hookErrors(test)
      if (broken.length > 0) {
        this.wire.send('result', { id, outcome: 'errored', at, s, message: said(broken[0]), trace: told(broken), output })
      } else if (this.filtered) {
        this.deselected += 1
      } else {
        this.wire.send('result', { id, outcome: 'skipped', at, s, message: result.note ?? '' })
      }
      return
    }
    const errors = result.errors ?? []
    if (result.state === 'passed' && diagnostic?.retryCount > 0) {
      // A pass that took several attempts keeps the errors of those before.
      for (let n = 0; n < diagnostic.retryCount; n++) this.wire.again(id, errors[n] && told([errors[n]]))
    }
    const outcome = result.state === 'passed' ? 'passed' : isTimeout(errors[0]) ? 'timed_out' : 'failed'
    const failure = outcome === 'passed' ? {} : { message: said(errors[0]), trace: told(errors) }
    this.wire.send('result', { id, outcome, at, s, ...failure, output })
  }

  onUserConsoleLog(log) {
    if (!log.taskId) return this.wire.send('output', { text: kept(log.content), stream: log.type })
    // It may come before the test is known to have begun.
    const before = this.printed.get(log.taskId) ?? ''
    if (before.length < 1024 * 1024) this.printed.set(log.taskId, before + log.content)
    const id = this.ids.get(log.taskId)
    if (id !== undefined && !this.wire.collectOnly) {
      this.wire.send('output', { id, text: kept(log.content), stream: log.type })
    }
  }

  async onTestRunEnd(modules, errors, reason) {
    if (this.left > 0) this.wire.send('collection_done', {})
    if (this.deselected > 0) this.wire.send('deselected', { count: this.deselected })
    for (const error of errors ?? []) this.wire.send('crash', { reason: `${said(error)}\n${error?.stack ?? ''}` })
    if (reason === 'interrupted') this.wire.send('stopping', { reason: 'vitest was interrupted' })
    await this.wire.end(reason === 'passed' ? 0 : 1)
  }
}

// Of the suites around a test, whose hooks may have kept it from running.
function hookErrors(test) {
  const errors = []
  for (let above = test.parent; above; above = above.parent) errors.push(...(above.errors?.() ?? []))
  return errors
}

function said(error) {
  if (!error) return 'it failed without an error'
  const name = error.name && error.name !== 'Error' ? `${error.name}: ` : ''
  return `${name}${error.message ?? error}`
}

function told(errors) {
  const one = (error) => {
    const stack = error.stacks?.length
      ? `${said(error)}\n${error.stacks.map((f) => `    at ${f.method || '<anonymous>'} (${f.file}:${f.line}:${f.column})`).join('\n')}`
      : error.stack ?? said(error)
    return error.diff ? `${stack}\n\n${error.diff}` : stack
  }
  return kept(errors.map(one).join('\n\n'))
}

function isTimeout(error) {
  return /^Test timed out in \d+ms/.test(error?.message ?? '')
}
