# One image for the worker and the gateway. Mount agents at /app/agents; modules there can import `perdure/agents` and
# `zod`. test/package/image.test.ts runs these steps without a container engine.
FROM node:24-slim AS build
WORKDIR /build
COPY . .
# `npm prune` keeps the production dependencies, at the versions of the lock file.
RUN npm ci && npm run packages && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# The Temporal SDK needs CA certificates to verify TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist-packages/perdure.tgz ./perdure.tgz
# All dependencies are in node_modules, so nothing is downloaded.
RUN npm install --offline --no-audit --no-fund ./perdure.tgz
ENV PATH=/app/node_modules/.bin:$PATH
ENV PERDURE_AGENTS=/app/agents
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["perdure"]
CMD ["--help"]
