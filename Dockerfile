# The worker and the gateway: one image, two commands. Agents are mounted at /app/agents; modules there import
# `perdure/agents` and `zod`. test/package/image.test.ts runs these steps without a container engine.
FROM node:24-slim AS build
WORKDIR /build
COPY . .
# Then without development dependencies, at the versions of the lock file.
RUN npm ci && npm run packages && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# CA certificates, with which the Temporal SDK verifies TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist-packages/perdure.tgz ./perdure.tgz
# Everything it needs is there: nothing is fetched.
RUN npm install --offline --no-audit --no-fund ./perdure.tgz
ENV PATH=/app/node_modules/.bin:$PATH
ENV PERDURE_AGENTS=/app/agents
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["perdure"]
CMD ["--help"]
