// Bare proxy: express with http-proxy-middleware. Its default opens a connection for each request;
// the agent keeps them, which is to its advantage.
import express from 'express'
import http from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { PORT, UPSTREAM, run } from './workers.mjs'

run(() => {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 256 })
  const app = express()
  app.disable('x-powered-by')
  app.use(createProxyMiddleware({ target: UPSTREAM, changeOrigin: true, agent }))
  app.listen(Number(PORT), '127.0.0.1')
})
