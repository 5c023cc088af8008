// What the cases of the NIPs say to a relay, and what they hear.
import assert from 'node:assert/strict'
import * as runner from 'node:test'

import { Author, RawClient, now } from '../support/client.js'

// The address under which the relays of these tests are known; they are started with it.
export const PUBLIC_URL = 'wss://relay.example'
export const SETTINGS = {
  'relay.public_url': PUBLIC_URL,
  'limits.exempt': '127.0.0.0/8,::1',
}

let names = 0
export function uniqueName() {
  names += 1
  return `n${names}`
}

const open = new Set()

// A test whose failure tells what was said on the connections that were open then.
export function it(name, body) {
  return runner.it(name, async () => {
    try {
      await body()
    } catch (error) {
      for (const { raw } of open) error.message += `\n--- a connection:\n${raw.transcript}`
      throw error
    }
  })
}

export class Conversation {
  constructor(raw) {
    this.raw = raw
    open.add(this)
  }

  static async open(relay) {
    return new Conversation(await RawClient.open(relay.url))
  }

  close() {
    open.delete(this)
    this.raw.close()
  }

  // The OK: [accepted, text].
  async publish(event) {
    const from = this.raw.messages.length
    this.raw.send(['EVENT', event])
    const [, , accepted, text] = await this.raw.find(
      ([verb, id]) => verb === 'OK' && id === event.id, from)
    return [accepted, text]
  }

  async accept(...events) {
    for (const event of events) {
      const [accepted, text] = await this.publish(event)
      assert.ok(accepted, `kind ${event.kind} was refused: ${text}`)
    }
  }

  async refuse(event, prefix) {
    const [accepted, text] = await this.publish(event)
    assert.equal(accepted, false, `kind ${event.kind} was accepted: ${JSON.stringify(event)}`)
    assert.match(text, prefix, `kind ${event.kind} was refused by: ${text}`)
  }

  // What a REQ brings up to its EOSE or CLOSED: { ids, events, end }. The subscription stays open.
  async request(...filters) {
    return this.requestAs(uniqueName(), ...filters)
  }

  async requestAs(name, ...filters) {
    const from = this.raw.messages.length
    this.raw.send(['REQ', name, ...filters])
    const end = await this.raw.find(
      ([verb, id]) => (verb === 'EOSE' || verb === 'CLOSED') && id === name, from)
    const events = this.eventsOf(name, from)
    return { name, end, events, ids: events.map(event => event.id) }
  }

  // All events that came for the subscription.
  eventsOf(name, from = 0) {
    return this.raw.messages
      .slice(from)
      .filter(([verb, id]) => verb === 'EVENT' && id === name)
      .map(message => message[2])
  }

  async count(...filters) {
    const name = uniqueName()
    const from = this.raw.messages.length
    this.raw.send(['COUNT', name, ...filters])
    return this.raw.find(
      ([verb, id]) => (verb === 'COUNT' || verb === 'CLOSED') && id === name, from)
  }

  // The challenge of this connection; asks for what needs one if there is none yet.
  async challenge() {
    const known = this.raw.messages.find(([verb]) => verb === 'AUTH')
    if (known) return known[1]
    await this.request({ kinds: [4] })
    const [, challenge] = await this.raw.find(([verb]) => verb === 'AUTH')
    return challenge
  }

  // An AUTH event; `change` overrides parts of it.
  async authEvent(author, { relay = PUBLIC_URL, challenge, ...change } = {}) {
    return author.sign({
      kind: 22242,
      tags: [['relay', relay], ['challenge', challenge ?? (await this.challenge())]],
      ...change,
    })
  }

  // The OK: [accepted, text].
  async sendAuth(event) {
    const from = this.raw.messages.length
    this.raw.send(['AUTH', event])
    const [, , accepted, text] = await this.raw.find(
      ([verb, id]) => verb === 'OK' && id === event.id, from)
    return [accepted, text]
  }

  async authenticate(author) {
    const [accepted, text] = await this.sendAuth(await this.authEvent(author))
    assert.ok(accepted, text)
  }

  // Everything that the relay has said before this is here.
  settle() {
    return this.raw.isAlive()
  }
}

// A gift wrap, or another event of a kind that names its recipients.
export function addressed(sender, kind, recipients, more = {}) {
  return sender.sign({
    kind,
    tags: recipients.map(recipient => ['p', recipient.pubkey]),
    content: uniqueName(),
    ...more,
  })
}

export function wrap(recipient, more = {}) {
  return addressed(new Author(), 1059, [recipient], more)
}

export function idsOf(events) {
  return events.map(event => event.id)
}

// Waits until the clock of this machine shows the second.
export async function untilSecond(second) {
  while (now() < second) {
    await new Promise(resolve => setTimeout(resolve, second * 1000 - Date.now() + 5))
  }
}

export function sorted(values) {
  return [...values].sort()
}
