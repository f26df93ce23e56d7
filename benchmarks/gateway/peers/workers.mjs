// As many processes as WORKERS says, each with the server that `serve` starts.
import cluster from 'node:cluster'

export const { PORT, UPSTREAM } = process.env

export function run (serve) {
  const workers = Number(process.env.WORKERS)
  if (workers === 1 || cluster.isWorker) return serve()
  for (let n = 0; n < workers; n++) cluster.fork()
}
