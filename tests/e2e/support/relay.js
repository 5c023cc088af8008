// Starts the real relay on a free port with a store in a folder of its own, and stops it again.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import path from 'node:path'
import readline from 'node:readline'

const binary =
  process.env.RELAY_BINARY ??
  fileURLToPath(new URL('../../../build/release/parrhesia', import.meta.url))

// The relay's settings come from this process alone.
function environment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PARRHESIA_')))
}

function settingsAsArguments(settings) {
  return Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
}

export class Relay {
  #child
  #stderr = ''
  #exited
  #folder
  #settings

  url      // ws://127.0.0.1:PORT
  httpUrl  // http://127.0.0.1:PORT
  adminUrl // undefined when the admin listener is off
  mesh     // HOST:PORT for other relays, undefined without cluster.enabled

  // A relay that listens. `settings` override the defaults of the tests.
  static async start(settings = {}) {
    const relay = new Relay()
    relay.#folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-e2e-'))
    relay.#settings = {
      'relay.port': 0,
      'admin.port': 0,
      'store.path': relay.#folder,
      ...settings,
    }
    try {
      await relay.#spawn()
    } catch (error) {
      await relay.stop()
      throw error
    }
    return relay
  }

  get storeFolder() {
    return this.#folder
  }

  // What the relay logged so far.
  get log() {
    return this.#stderr
  }

  async #spawn() {
    this.#child = spawn(binary, ['relay', ...settingsAsArguments(this.#settings)], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exited = new Promise(resolve => {
      this.#child.once('error', error => resolve({ error }))
      this.#child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.#child.stderr.on('data', chunk => (this.#stderr += chunk))

    const wantsAdmin = Number(this.#settings['admin.port']) !== 0
    this.url = undefined
    this.adminUrl = undefined
    this.mesh = undefined
    const wantsMesh = this.#settings['cluster.enabled'] === true
    const listening = new Promise(resolve => {
      readline.createInterface({ input: this.#child.stdout }).on('line', line => {
        const [, what, url] = line.match(/^(listening|admin|mesh) (\S+)$/) ?? []
        if (what === 'listening') this.url = url
        if (what === 'admin') this.adminUrl = url
        if (what === 'mesh') this.mesh = url
        if (this.url && (this.adminUrl || !wantsAdmin) && (this.mesh || !wantsMesh)) resolve({ listening: true })
      })
    })
    const outcome = await Promise.race([listening, this.#exited, deadline(60_000)])
    if (!outcome.listening) {
      throw new Error(`the relay did not start: ${JSON.stringify(outcome)}\n${this.#stderr}`)
    }
    this.httpUrl = this.url.replace(/^ws:/, 'http:')
  }

  // Waits until the log has `text` that many times.
  async logged(text, times = 1) {
    const until = Date.now() + 60_000
    while (this.#stderr.split(text).length <= times) {
      if (Date.now() > until) throw new Error(`"${text}" was not logged:\n${this.#stderr}`)
      await Promise.race([new Promise(resolve => this.#child.stderr.once('data', resolve)), deadline(1000)])
    }
  }

  // Sends SIGTERM and waits. The exit code, or the signal that it took.
  async terminate() {
    this.#child.kill('SIGTERM')
    const outcome = await Promise.race([this.#exited, deadline(60_000)])
    if (outcome.timeout) {
      this.#child.kill('SIGKILL')
      await this.#exited
      throw new Error(`the relay did not leave within 60 s of SIGTERM\n${this.#stderr}`)
    }
    return outcome.code ?? outcome.signal
  }

  // Ends it as a power cut would, as far as a process can tell.
  async kill() {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  // The same store again; the port is another one.
  async startAgain() {
    await this.#spawn()
  }

  // For after(): whatever state the relay is in, nothing of it is left.
  async stop() {
    if (this.#child?.pid && this.#child.exitCode === null && this.#child.signalCode === null) {
      await this.kill()
    }
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true })
  }
}

function deadline(milliseconds) {
  return new Promise(resolve => {
    setTimeout(() => resolve({ timeout: milliseconds }), milliseconds).unref()
  })
}

// Runs a command of the binary to its end: { code, stdout, stderr }.
export function run(commandArguments, { settings = {}, input = '' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [...commandArguments, ...settingsAsArguments(settings)], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => (stdout += chunk))
    child.stderr.on('data', chunk => (stderr += chunk))
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {}) // it may leave without reading all
    child.stdin.end(input)
  })
}
