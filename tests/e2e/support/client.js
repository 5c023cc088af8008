// Clients of the relay: nostr-tools as applications use it, and a raw websocket that sees every byte.
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { Relay as NostrRelay, useWebSocketImplementation } from 'nostr-tools/relay'
import WebSocket from 'ws'

useWebSocketImplementation(WebSocket)

export async function connect(url) {
  const client = await NostrRelay.connect(url)
  client.publishTimeout = 30_000 // the default of 4.4 s is for people
  return client
}

// An author with a new key.
export class Author {
  #secret = generateSecretKey()
  pubkey = getPublicKey(this.#secret)

  // A signed event; kind 1, now, without tags unless said otherwise.
  sign({ kind = 1, created_at = now(), tags = [], content = '' } = {}) {
    return finalizeEvent({ kind, created_at, tags, content }, this.#secret)
  }
}

export function now() {
  return Math.floor(Date.now() / 1000)
}

// nostr-tools calls oneose by itself after a while; only the relay's own word counts here. Its timer
// must then be stopped when the relay says CLOSED, or it keeps the process alive.
const NO_EOSE_TIMEOUT = 2 ** 30

// The stored events that match, in the order in which they came. Rejects when the relay says CLOSED.
export function query(client, ...filters) {
  return new Promise((resolve, reject) => {
    const events = []
    const subscription = client.subscribe(filters, {
      eoseTimeout: NO_EOSE_TIMEOUT,
      onevent: event => events.push(event),
      oneose: () => {
        resolve(events)
        subscription.close()
      },
      onclose: reason => {
        clearTimeout(subscription.eoseTimeoutHandle)
        reject(new Error(reason)) // too late to matter after oneose
      },
    })
  })
}

// A subscription past its EOSE: { events, stored, closed, until(condition), close() }.
export async function subscribe(client, ...filters) {
  const live = { events: [], stored: 0, closed: undefined }
  let wake = () => {}
  await new Promise((resolve, reject) => {
    const subscription = client.subscribe(filters, {
      eoseTimeout: NO_EOSE_TIMEOUT,
      onevent: event => {
        live.events.push(event)
        wake()
      },
      oneose: () => {
        live.stored = live.events.length
        resolve()
      },
      onclose: reason => {
        clearTimeout(subscription.eoseTimeoutHandle)
        live.closed = reason
        wake()
        reject(new Error(reason))
      },
    })
    live.close = () => subscription.close()
  })
  live.until = async condition => {
    while (!condition(live.events)) {
      if (live.closed !== undefined) throw new Error(`subscription closed: ${live.closed}`)
      await new Promise(resolve => (wake = resolve))
    }
  }
  return live
}

// How long an answer may take before a test gives up and tells what was said; far above what is normal.
const PATIENCE_MILLISECONDS = 30_000
// What a transcript shows of a conversation: its end, and the beginning of each message.
const TRANSCRIPT_LINES = 16
const TRANSCRIPT_CHARACTERS = 400

// Everything the relay says, in order, and nothing interpreted.
export class RawClient {
  #socket
  #waiting = []
  #said = []
  messages = [] // parsed
  closed        // { code, reason } once the relay closed the connection

  static open(url, options = {}) {
    return new Promise((resolve, reject) => {
      const client = new this()
      const socket = new WebSocket(url, options)
      client.#socket = socket
      socket.on('message', data => {
        client.#note('<', data.toString())
        client.messages.push(JSON.parse(data.toString()))
        client.#wake()
      })
      socket.on('close', (code, reason) => {
        client.closed = { code, reason: reason.toString() }
        client.#wake()
      })
      socket.once('open', () => resolve(client))
      socket.on('error', reject)
    })
  }

  // A value is sent as JSON; a string or bytes as they are. `options` are those of ws (binary, fin).
  send(message, options = {}) {
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message)
    const data = isRaw ? message : JSON.stringify(message)
    this.#note('>', data.toString('utf8'))
    this.#socket.send(data, { binary: false, ...options })
  }

  // The last messages in both directions, one a line: `> sent`, `< came`.
  get transcript() {
    return this.#said.join('\n')
  }

  #note(direction, text) {
    const shown = text.length > TRANSCRIPT_CHARACTERS
      ? `${text.slice(0, TRANSCRIPT_CHARACTERS)}... (${text.length} characters)`
      : text
    this.#said.push(`${direction} ${shown}`)
    if (this.#said.length > TRANSCRIPT_LINES) this.#said.shift()
  }

  // The first message, from the `from`th on, that `wanted` is true for.
  async find(wanted, from = 0) {
    let timer
    const patience = new Promise(resolve => {
      timer = setTimeout(() => resolve('nothing'), PATIENCE_MILLISECONDS)
    })
    try {
      for (let next = from; ; ) {
        for (; next < this.messages.length; next += 1) {
          if (wanted(this.messages[next])) return this.messages[next]
        }
        if (this.closed) {
          throw new Error(
            `closed by the relay: ${JSON.stringify(this.closed)}, after\n${this.transcript}`)
        }
        if ((await Promise.race([this.#news(), patience])) === 'nothing') {
          throw new Error(`waited in vain for ${wanted}, after\n${this.transcript}`)
        }
      }
    } finally {
      clearTimeout(timer)
    }
  }

  // Sends, and returns the relay's next message.
  async ask(message, options) {
    const from = this.messages.length
    this.send(message, options)
    return this.find(() => true, from)
  }

  publish(event) {
    this.send(['EVENT', event])
    return this.find(([verb, id]) => verb === 'OK' && id === event.id)
  }

  // Shows that the connection still works: a query that matches nothing gets its EOSE.
  async isAlive() {
    const id = `alive-${this.messages.length}`
    this.send(['REQ', id, { ids: ['0'.repeat(64)] }])
    await this.find(([verb, subscription]) => verb === 'EOSE' && subscription === id)
    this.send(['CLOSE', id])
    return true
  }

  async untilClosed() {
    while (!this.closed) await this.#news()
    return this.closed
  }

  // Until the next message or the end of the connection.
  #news() {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  close() {
    this.#socket.terminate()
  }
}
