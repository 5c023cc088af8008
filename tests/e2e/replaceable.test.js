import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { Author, connect, now, query } from './support/client.js'
import { Relay } from './support/relay.js'

describe('replaceable and addressable events', { timeout: 60_000 }, () => {
  let relay
  let client
  const t = now() - 100

  before(async () => {
    relay = await Relay.start()
    client = await connect(relay.url)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  const contentsOf = async filter => (await query(client, filter)).map(({ content }) => content)

  for (const kind of [0, 3, 10002]) {
    it(`keeps the newest of kind ${kind} and refuses an older one`, async () => {
      const author = new Author()
      const own = { kinds: [kind], authors: [author.pubkey] }
      await client.publish(author.sign({ kind, created_at: t + 1, content: 'first' }))
      await client.publish(author.sign({ kind, created_at: t + 2, content: 'second' }))
      assert.deepEqual(await contentsOf(own), ['second'])
      await assert.rejects(
        client.publish(author.sign({ kind, created_at: t, content: 'late' })), /^Error: duplicate: /)
      assert.deepEqual(await contentsOf(own), ['second'])
    })
  }

  it('prefers the lowest id of one second, whichever comes first', async () => {
    for (const lowestFirst of [true, false]) {
      const author = new Author()
      const versions = ['a', 'b'].map(
        content => author.sign({ kind: 0, created_at: t, content }))
      versions.sort((a, b) => (a.id < b.id ? -1 : 1))
      const sent = lowestFirst ? versions : [...versions].reverse()
      for (const event of sent) await client.publish(event).catch(() => {})
      assert.deepEqual(await contentsOf({ authors: [author.pubkey] }), [versions[0].content])
    }
  })

  it('leaves the events of another author alone', async () => {
    const [one, other] = [new Author(), new Author()]
    await client.publish(one.sign({ kind: 0, created_at: t, content: 'one' }))
    await client.publish(other.sign({ kind: 0, created_at: t + 1, content: 'other' }))
    assert.deepEqual(await contentsOf({ kinds: [0], authors: [one.pubkey] }), ['one'])
  })

  it('keeps one addressable event for each value of d', async () => {
    const author = new Author()
    const article = (d, at, content) =>
      author.sign({ kind: 30023, created_at: at, tags: [['d', d]], content })
    await client.publish(article('x', t, 'x, old'))
    await client.publish(article('y', t, 'y'))
    await client.publish(article('x', t + 1, 'x, new'))
    await assert.rejects(client.publish(article('x', t - 1, 'x, older')), /^Error: duplicate: /)
    const own = { kinds: [30023], authors: [author.pubkey] }
    assert.deepEqual((await contentsOf(own)).sort(), ['x, new', 'y'])
    assert.deepEqual(await contentsOf({ ...own, '#d': ['x'] }), ['x, new'])
    assert.deepEqual(await contentsOf({ ...own, '#d': ['z'] }), [])
  })

  it('takes a missing d, an empty one and one without a value for the same', async () => {
    const author = new Author()
    const forms = [[], [['d']], [['d', '']]]
    for (const [i, tags] of forms.entries()) {
      await client.publish(author.sign({ kind: 30000, created_at: t + i, tags, content: `${i}` }))
    }
    assert.deepEqual(await contentsOf({ authors: [author.pubkey] }), ['2'])
  })

  it('goes by the first d tag alone', async () => {
    const author = new Author()
    const event = (tags, at, content) =>
      author.sign({ kind: 30000, created_at: at, tags, content })
    await client.publish(event([['d', 'x'], ['d', 'y']], t, 'x, not y'))
    await client.publish(event([['d', 'y']], t + 1, 'y'))
    assert.equal((await contentsOf({ authors: [author.pubkey] })).length, 2)
    await client.publish(event([['d', 'x']], t + 2, 'x'))
    assert.deepEqual((await contentsOf({ authors: [author.pubkey] })).sort(), ['x', 'y'])
  })
})
