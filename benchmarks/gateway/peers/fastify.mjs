// Bare proxy: fastify with its proxy plugin, no logger.
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { PORT, UPSTREAM, run } from './workers.mjs'

run(() => {
  const server = fastify({ logger: false, bodyLimit: 16 * 1024 * 1024 })
  server.register(proxy, { upstream: UPSTREAM, undici: { connections: 256, pipelining: 1 } })
  server.listen({ host: '127.0.0.1', port: Number(PORT) })
})
