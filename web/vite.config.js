import { cpSync, mkdirSync } from 'node:fs'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

const out = '../src/bandi/console/static'

// The API browser is shipped as it comes: three files of swagger-ui-dist beside our index.html in public/docs.
const apiBrowser = {
  name: 'api-browser',
  closeBundle() {
    mkdirSync(`${out}/docs`, { recursive: true })
    for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE']) {
      cpSync(`node_modules/swagger-ui-dist/${file}`, `${out}/docs/${file}`)
    }
  },
}

export default defineConfig({
  plugins: [svelte(), apiBrowser],
  build: { outDir: out, emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false } },
  server: { proxy: { '/v1': 'http://127.0.0.1:8700', '/openapi.json': 'http://127.0.0.1:8700' } },
})
