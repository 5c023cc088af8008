// Between stored results and live delivery nothing is lost and nothing comes twice, whenever the REQ
// arrives.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { Author, RawClient } from './support/client.js'
import { Relay } from './support/relay.js'

const EVENTS = 200
const PUBLISHERS = 4
const IN_FLIGHT = 10 // of each publisher: most events are still to come when the first REQs are sent
const SUBSCRIBERS = 12

describe('the boundary of a REQ', { timeout: 120_000 }, () => {
  let relay

  before(async () => {
    relay = await Relay.start()
  })
  after(() => relay?.stop())

  it('gives every event exactly once to subscribers that come in the middle', async () => {
    const author = new Author()
    const events = Array.from({ length: EVENTS }, (_, i) => author.sign({ content: `event ${i}` }))
    const filter = { kinds: [1], authors: [author.pubkey], limit: 2 * EVENTS }
    const open = count => Promise.all(Array.from({ length: count }, () => RawClient.open(relay.url)))
    const [publishers, subscribers] = await Promise.all([open(PUBLISHERS), open(SUBSCRIBERS)])

    // A subscriber sends its REQ whenever another share of the events has been acknowledged.
    let acknowledged = 0
    let subscribed = 0
    const waiting = [...events]
    const publishAll = async publisher => {
      for (let event = waiting.pop(); event; event = waiting.pop()) {
        const [, , accepted, message] = await publisher.publish(event)
        assert.equal(accepted, true, message)
        acknowledged += 1
        while (subscribed < SUBSCRIBERS && acknowledged > (subscribed * EVENTS) / SUBSCRIBERS) {
          subscribers[subscribed].send(['REQ', 'all', filter])
          subscribed += 1
        }
      }
    }
    await Promise.all(publishers.flatMap(
      publisher => Array.from({ length: IN_FLIGHT }, () => publishAll(publisher))))
    assert.equal(subscribed, SUBSCRIBERS)

    const last = author.sign({ content: 'the last' })
    for (const subscriber of subscribers) await subscriber.find(([verb]) => verb === 'EOSE')
    await publishers[0].publish(last)

    const expected = [...events, last].map(({ id }) => id).sort()
    let live = 0
    for (const subscriber of subscribers) {
      await subscriber.find(([verb, , event]) => verb === 'EVENT' && event.id === last.id)
      await subscriber.isAlive() // whatever was sent before has arrived
      const received = subscriber.messages.filter(([verb, id]) => verb === 'EVENT' && id === 'all')
      assert.deepEqual(received.map(([, , { id }]) => id).sort(), expected)
      const verbs = subscriber.messages.map(([verb]) => verb)
      live += verbs.slice(verbs.indexOf('EOSE')).filter(verb => verb === 'EVENT').length
    }
    assert.ok(live > SUBSCRIBERS, 'every REQ came after the last event: nothing was tested')
    for (const client of [...publishers, ...subscribers]) client.close()
  })
})
